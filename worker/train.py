"""One attempt of a training job, from its rows to its adapter."""

import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import transformers

from worker.adapters import ADAPTERS
from worker.attention import check_attention, use_attention
from worker.batches import steps_per_epoch, total_steps
from worker.checkpoints import ArtifactStore, checkpoint_path
from worker.contract import Evaluation, GrpoMethod, RowProblem, TrainingJob
from worker.control import read_control
from worker.events import EventLog, NoEvents
from worker.examples import Example, ExampleMaker, Graded
from worker.failures import WorkerError, explain
from worker.graders import missing, templates
from worker.launch_ranks import run_ranks
from worker.load import BaseModel
from worker.methods import METHODS
from worker.probes import Prober
from worker.progress import Counters, Progress
from worker.prompt_dropout import PromptDropout
from worker.provenance import describe_environment, file_sha256
from worker.ranks import ALONE, Ranks, check_world, join, launched_ranks
from worker.row_kinds import ROW_KINDS, RowKind
from worker.rows import ChatRow, draw_evenly, size_of
from worker.stopping import Purse, Watch
from worker.strategies.zero import import_deepspeed
from worker.trainer_state import capture_adapter, is_state, read_progress, restore_adapter
from worker.workbench import MethodTrainer, Tally, Workbench

SUCCEEDED = 0
FAILED = 1
# Rows that probes are picked from.
_MOST_ASKED = 2000


@dataclass(frozen=True)
class CheckedRows:
    """The rows of a job as examples, and how they vary from epoch to epoch."""

    training: Sequence[Example]
    validation: Sequence[Example]
    vary: PromptDropout | None
    # What the model may be asked while it trains: some rows of the validation file, of the training file where there is none.
    chats: list[ChatRow]
    # Of the files; more than there are examples where only some rows were made.
    training_rows: int
    validation_rows: int


def run_attempt(job: TrainingJob, load: Callable[[], BaseModel]) -> int:
    """Runs one attempt to its end; returns the exit code of its process. Every end is an event: this raises nothing."""
    attempt_dir = Path(job.attempt_dir)
    attempt_dir.mkdir(parents=True, exist_ok=True)
    if job.settings.distributed != "no":
        return _run_in_several(job, load)
    events = EventLog(attempt_dir)
    try:
        _run(job, load, events, ALONE)
    except Exception as error:
        return _fail(error, attempt_dir, events)
    return SUCCEEDED


def _fail(error: Exception, attempt_dir: Path, events: EventLog) -> int:
    traceback.print_exc(file=sys.stderr)
    sys.stderr.flush()
    events.failed(explain(error, str(attempt_dir / "worker.log")))
    return FAILED


def _run_in_several(job: TrainingJob, load: Callable[[], BaseModel]) -> int:
    """As one process of several, where a launcher like torchrun has started them; else starts them, and sees to their end."""
    attempt_dir, launched = Path(job.attempt_dir), launched_ranks()
    try:
        if launched is not None:
            _run_rank(job, launched, None, load)
        else:
            check_world(job, Ranks(world=job.settings.processes))
            if job.settings.distributed in ("zero2", "zero3") and not torch.cuda.is_available():
                import_deepspeed("cpu")  # once for all of them; with a GPU it must be seen by one process first
            run_ranks(job, load, partial(_run_rank, job))
    except Exception as error:
        speaks = launched is None or launched.is_first
        return _fail(error, attempt_dir, EventLog.going_on(attempt_dir) if speaks else NoEvents())
    return SUCCEEDED


def _run_rank(job: TrainingJob, ranks: Ranks, meeting_file: Path | None, load: Callable[[], BaseModel]) -> None:
    check_world(job, ranks)
    join(ranks, meeting_file)
    _run(job, load, EventLog(Path(job.attempt_dir)) if ranks.is_first else NoEvents(), ranks)


def _run(job: TrainingJob, load: Callable[[], BaseModel], events: EventLog, ranks: Ranks) -> None:
    with closing(ArtifactStore(job)) as store:
        _train(job, load, events, ranks, store)


def _train(job: TrainingJob, load: Callable[[], BaseModel], events: EventLog, ranks: Ranks, store: ArtifactStore) -> None:
    began = time.monotonic()
    device: Literal["cpu", "cuda"] = "cuda" if torch.cuda.is_available() else "cpu"
    precision = choose_precision(job, device)
    check_attention(job, device, precision)
    threads = max(1, (job.settings.threads or len(os.sched_getaffinity(0))) // ranks.local_world)
    torch.set_num_threads(threads)
    # A rate schedule is stepped in the order that torch expects; its check is confused by a restored one.
    warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
    events.write("run-started", pid=os.getpid(), device=device, threads=threads * ranks.local_world, precision=precision)
    if ranks.is_first:
        store.sweep()
    events.phase("loading")
    base = behind_virtual_tokens(load(), job)
    use_attention(base.model, job)
    events.phase("checking")
    rows = check_rows(job, base)
    counters = _counters(job, store)
    steps = total_steps(len(rows.training), job.settings)
    lengths, trained = zip(*((len(example.token_ids_T), example.trained_tokens) for example in rows.training), strict=True)
    events.write(
        "data-checked",
        rows=len(rows.training),
        total_tokens=sum(lengths),
        trained_tokens=sum(trained),
        longest_row_tokens=max(lengths),
        total_steps=steps,
    )
    events.write(
        "environment-recorded",
        environment=describe_environment(),
        training_sha256=counters.training_sha256,
        validation_sha256=file_sha256(job.validation_file) if job.validation_file is not None else None,
        validation_rows=len(rows.validation),
    )
    # Seeds Python, NumPy and torch, before the random half of the adapter is drawn.
    transformers.set_seed(job.seed)
    model = ADAPTERS[job.adapter.type](base.model, job.adapter, job.model)
    bench = Workbench(model, base.tokenizer, rows.training, rows.validation, rows.vary, steps, device, precision, ranks)
    trainer: MethodTrainer = METHODS[job.method.type](job, bench)
    if not ranks.is_first:
        # They began with the same weights; what falls out of their rows is their own.
        transformers.set_seed((job.seed + ranks.rank) % 2**32)

    def capture() -> Callable[[Path], None]:
        with trainer.whole():
            # Of several processes an engine may move the weights away.
            return capture_adapter(model, copies=ranks.world > 1)

    prober = Prober(job, job.probes, bench, base.context_length, events, began) if job.probes is not None and ranks.world == 1 else None
    every_epoch = steps_per_epoch(len(rows.training), job.settings)
    progress = Progress(job, trainer, capture, events, store, counters, every_epoch, Purse(job.budget, began), prober, ranks)
    trainer.add_callback(progress)
    if ranks.first_says(lambda: read_control(Path(job.attempt_dir)).action) == "cancel":
        events.end("run-cancelled", step=0, path=None)
        return
    if prober is not None:
        prober.start(rows.chats, bool(rows.validation))
    events.phase("training")
    try:
        trainer.train(resume_from_checkpoint=job.resume_from)
    finally:
        progress.settle()
    step = trainer.state.global_step
    best_step = progress.counters.best_step if job.settings.load_best_model_at_end and progress.stopped is None else None
    if best_step is not None and best_step != step:
        if ranks.world == 1:
            restore_adapter(model, Path(job.output_dir) / checkpoint_path(best_step))
        progress.evaluation = Evaluation.model_validate(progress.counters.best_evaluation)
    if ranks.is_first:
        _finish(events, store, progress, step, best_step if best_step is not None else step, capture, began)
    # Whoever leaves before the model is written is missed by those who wait for it.
    ranks.gather(None)


def behind_virtual_tokens(base: BaseModel, job: TrainingJob) -> BaseModel:
    """With what is left of the context behind learnt tokens."""
    return replace(base, context_length=base.context_length - getattr(job.adapter, "num_virtual_tokens", 0))


def choose_precision(job: TrainingJob, device: str) -> Literal["fp32", "bf16", "fp16"]:
    """fp32 on a CPU, where it is the fastest type; on a GPU bf16, or fp16 where it lacks that."""
    if job.settings.precision != "auto":
        if job.settings.precision == "fp16" and device == "cpu":
            raise WorkerError("config_error", "precision: fp16 needs a GPU; a CPU takes fp32 or bf16.")
        return job.settings.precision
    if device == "cpu":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"


def check_rows(job: TrainingJob, base: BaseModel, most: int | None = None) -> CheckedRows:
    """The rows of both files as examples, or at most so many of them drawn evenly, the longest included.

    Raises WorkerError('data_error') with every row that cannot be trained on.
    """
    limit = min(job.settings.max_seq_length or base.context_length, base.context_length)
    if job.chat_template is not None:
        # Whoever renders a chat of this job, a probe for one, writes it as it is trained.
        base.tokenizer.chat_template = job.chat_template
    maker = ExampleMaker(base.tokenizer, limit)
    kind = ROW_KINDS[job.method.type]
    rows, training, problems, count = _read_examples(maker, kind, job, job.training_file, most)
    texts = templates(job.method.graders, job.method.formula) if isinstance(job.method, GrpoMethod) else []
    problems += _unread(training, texts)
    validation: Sequence[Example] = []
    validation_count = 0
    asked = rows
    if job.validation_file is not None:
        asked, validation, more, validation_count = _read_examples(maker, kind, job, job.validation_file, most)
        more += _unread(validation, texts)
        problems += [RowProblem(row=row.row, reason=f"validation file: {row.reason}") for row in more]
    if problems:
        first = problems[0]
        some = "1 row" if len(problems) == 1 else f"{len(problems)} rows"
        raise WorkerError("data_error", f"{some} cannot be trained on; row {first.row}: {first.reason}.", problems)
    share = job.settings.prompt_dropout
    if share > 0 and job.method.type != "supervised":
        raise WorkerError("config_error", f"prompt_dropout: {job.method.type} takes whole prompts; give 0.")
    vary = PromptDropout(rows, training, maker, share, job.seed) if share > 0 else None
    few = min(len(asked), _MOST_ASKED)
    chats = [chat for at in range(few) if (chat := kind.chat(asked[at * len(asked) // few])).messages]
    return CheckedRows(training, validation, vary, chats, count, validation_count)


def _unread(examples: Sequence[Example], texts: list[str]) -> list[RowProblem]:
    """A problem for each row that lacks what the templates of graders read of it."""
    found = [(example.row, missing(texts, example.item)) for example in examples if isinstance(example, Graded)]
    return [RowProblem(row=row, reason=problem) for row, problem in found if problem is not None]


def _read_examples(
    maker: ExampleMaker, kind: RowKind, job: TrainingJob, file: str, most: int | None
) -> tuple[Sequence[Any], Sequence[Example], list[RowProblem], int]:
    name, shelves = "training file" if file == job.training_file else "validation file", Path(job.attempt_dir)
    try:
        Path(file).open("rb").close()
    except OSError as error:
        raise WorkerError("data_error", f"The {name} cannot be read: {error}.") from error
    shelves.mkdir(parents=True, exist_ok=True)
    rows, problems = kind.read(Path(file), shelves)
    if not rows and not problems:
        raise WorkerError("data_error", f"The {name} has no rows.")
    count = len(rows)
    if most is not None:
        rows = [rows[place] for place in draw_evenly([size_of(kind.chat(row)) for row in rows], most)]
    examples, more = kind.make_all(maker, rows, shelves)
    return rows, examples, sorted(problems + more, key=lambda problem: problem.row), count


def _counters(job: TrainingJob, store: ArtifactStore) -> Counters:
    """Fresh counters, or those of the checkpoint that the job goes on from, once it has been verified."""
    training_sha256 = file_sha256(job.training_file)
    if job.resume_from is None:
        return Counters(training_sha256)
    folder = Path(job.resume_from)
    store.verify_resumable(folder)
    saved = read_progress(folder)
    if saved["training_sha256"] != training_sha256:
        raise WorkerError("config_error", f"{folder} was trained on other rows than those in {job.training_file}.")
    return Counters(**{**saved, "epoch": Tally(**saved["epoch"]), "watch": Watch(**saved["watch"])})


def _finish(
    events: EventLog,
    store: ArtifactStore,
    progress: Progress,
    step: int,
    model_step: int,
    capture: Callable[[], Callable[[Path], None]],
    began: float,
) -> None:
    """Says how the run stopped, or saves its adapter, which has the weights of `model_step`, and says that it ended."""
    if progress.stopped is not None:
        action, path = progress.stopped
        events.end("run-paused" if action == "pause" else "run-cancelled", step=step, path=path)
        return
    events.phase("saving")
    # That step has left a checkpoint, which holds the very adapter.
    path, manifest_sha256 = store.commit_adapter(model_step, store.link_adapter(model_step, is_state) or capture())
    events.end(
        "run-ended",
        step=step,
        path=path,
        manifest_sha256=manifest_sha256,
        trained_tokens=progress.counters.seen_tokens,
        best_step=progress.counters.best_step,
        train_loss=progress.counters.epoch.mean_loss,
        evaluation=progress.evaluation,
        seconds=time.monotonic() - began,
        peak_memory_bytes=events.memory.peak,
        stopped_early=progress.stop is not None,
        stop=progress.stop,
        model_step=model_step if model_step != step else None,
    )
