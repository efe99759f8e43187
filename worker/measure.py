"""What a run would take: some of its own steps, evaluations and saves are done and timed, the rest is reckoned from its schedule."""

import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
import transformers

from worker.adapters import ADAPTERS
from worker.attention import check_attention, use_attention
from worker.batches import evaluation_interval, steps_per_epoch, total_steps
from worker.checkpoints import ArtifactStore
from worker.contract import TrainingJob
from worker.events import EventLog
from worker.failures import explain
from worker.load import BaseModel
from worker.machine import busy_seconds, describe_machine, memory_limit_bytes
from worker.measure_steps import measure_steps
from worker.methods import METHODS
from worker.schedule import Step, in_batches, is_full, steps_in_order, times
from worker.train import FAILED, SUCCEEDED, CheckedRows, behind_virtual_tokens, check_rows, choose_precision
from worker.trainer_state import capture_adapter
from worker.work import WorkCounter
from worker.workbench import MethodTrainer, Workbench

# Rows that are tokenised for a plan; of a larger file so many, drawn evenly, stand for all.
_MOST_ROWS = 2000
# Of the steps of a run one in four is measured, within these limits.
_LEAST_STEPS = 4
_MOST_STEPS = 16
# Batches of the validation file that stand for all of it.
_MOST_EVALUATED = 4
# Beside a run that trains, a measurement takes what that one leaves.
_NICENESS = 10


def run_measurement(job: TrainingJob, load: Callable[[], BaseModel], beside: bool) -> int:
    """Measures to the end; returns the exit code of its process. Every end is an event: this raises nothing. Leaves no weights."""
    if beside:
        os.nice(_NICENESS)
    attempt_dir = Path(job.attempt_dir)
    attempt_dir.mkdir(parents=True, exist_ok=True)
    events = EventLog(attempt_dir)
    try:
        _measure(job, load, events)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
        events.failed(explain(error, str(attempt_dir / "worker.log")))
        return FAILED
    return SUCCEEDED


def _measure(job: TrainingJob, load: Callable[[], BaseModel], events: EventLog) -> None:
    began, busy = time.monotonic(), busy_seconds() - time.process_time()
    settings = job.settings
    device: Literal["cpu", "cuda"] = "cuda" if torch.cuda.is_available() else "cpu"
    precision = choose_precision(job, device)
    check_attention(job, device, precision)
    threads = settings.threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    events.write("run-started", pid=os.getpid(), device=device, threads=threads, precision=precision)
    events.phase("loading")
    base = behind_virtual_tokens(load(), job)
    use_attention(base.model, job)
    events.phase("checking")
    rows, check_seconds = _check(job, base, events)
    total = total_steps(rows.training_rows, settings)
    steps = _schedule(job, rows, total)
    evaluated = _evaluated(rows, settings.batch_size)

    building = time.monotonic()
    transformers.set_seed(job.seed)
    model = ADAPTERS[job.adapter.type](base.model, job.adapter, job.model)
    count = max(_LEAST_STEPS, min(_MOST_STEPS, total // 4))
    stand_ins = [rows.validation[place] for batch in evaluated for place in batch]
    bench = Workbench(model, base.tokenizer, rows.training, stand_ins, rows.vary, count, device, precision)
    trainer = METHODS[job.method.type](_shortened(job, steps, count), bench)
    build_seconds = time.monotonic() - building

    events.phase("training")
    keeps_lower = trainer.ahead is not None and job.method.type == "supervised"
    counter = WorkCounter(bench.base, rows.training, job, keeps_lower)
    found, first_seconds = measure_steps(trainer, bench, counter, steps, settings, events)
    # Where some steps stand for all.
    found |= {name: found[name] * total / len(steps) for name in ("step_seconds", "step_cpu_seconds")}
    found |= {"start_seconds": check_seconds + build_seconds + first_seconds}
    every_epoch = steps_per_epoch(rows.training_rows, settings)
    interval = evaluation_interval(settings, every_epoch)
    if rows.validation and interval is not None:
        events.phase("evaluating")
        counter = WorkCounter(bench.base, rows.validation, job, keeps_lower)
        once, each = _evaluate(trainer, bench, counter, rows, evaluated, settings.batch_size)
        evaluations = times(interval, total)
        found |= {"evaluations": evaluations, "evaluation_seconds": once + evaluations * each}
    else:
        found |= {"evaluations": 0, "evaluation_seconds": 0.0}
    events.phase("saving")
    checkpoints = times(settings.save_steps or every_epoch, total)
    found |= {"saves": checkpoints + 1, "save_seconds": _save(job, trainer, bench, checkpoints)}
    _tell(events, found, began, busy)


def _check(job: TrainingJob, base: BaseModel, events: EventLog) -> tuple[CheckedRows, float]:
    """The rows that stand for those of the files, and the seconds that all of them would take."""
    began = time.monotonic()
    rows = check_rows(job, base, _MOST_ROWS)
    share = (len(rows.training) + len(rows.validation)) / (rows.training_rows + rows.validation_rows)
    seconds = (time.monotonic() - began) / share
    scale = rows.training_rows / len(rows.training)
    events.write(
        "data-checked",
        rows=rows.training_rows,
        total_tokens=round(scale * sum(len(example.token_ids_T) for example in rows.training)),
        trained_tokens=round(scale * sum(example.trained_tokens for example in rows.training)),
        longest_row_tokens=max(len(example.token_ids_T) for example in rows.training),
        total_steps=total_steps(rows.training_rows, job.settings),
    )
    return rows, seconds


def _schedule(job: TrainingJob, rows: CheckedRows, total: int) -> list[Step]:
    """The steps of the whole run; where some rows stand for all, one epoch of those."""
    lengths = [len(example.token_ids_T) for example in rows.training]
    is_whole = len(lengths) == rows.training_rows
    limit = total if is_whole else min(total, steps_per_epoch(len(lengths), job.settings))
    return list(steps_in_order(lengths, job.settings, job.seed, limit))


def _shortened(job: TrainingJob, steps: list[Step], count: int) -> TrainingJob:
    """The job with as many steps as are measured: given ones or, where an epoch is one step that is not full, epochs."""
    changes = {"max_steps": count} if is_full(steps[0], job.settings) else {"max_steps": None, "n_epochs": count}
    return job.model_copy(update={"settings": job.settings.model_copy(update=changes)})


def _validation_batches(rows: CheckedRows, batch_size: int) -> list[list[int]]:
    """As they are evaluated: longest first."""
    return in_batches(sorted(range(len(rows.validation)), key=lambda place: -len(rows.validation[place].token_ids_T)), batch_size)


def _evaluated(rows: CheckedRows, batch_size: int) -> list[list[int]]:
    """Batches of the validation rows that stand for all: the longest, the shortest, and some between."""
    batches = _validation_batches(rows, batch_size)
    chosen = sorted({at * (len(batches) - 1) // (_MOST_EVALUATED - 1) for at in range(_MOST_EVALUATED)})
    return [batches[at] for at in chosen] if batches else []


def _evaluate(
    trainer: MethodTrainer, bench: Workbench, counter: WorkCounter, rows: CheckedRows, evaluated: list[list[int]], batch_size: int
) -> tuple[float, float]:
    """Seconds that the first evaluation of the whole file takes above the others, and that each takes."""
    began = time.monotonic()
    if trainer.ahead is not None:
        trainer.ahead.keep(range(len(bench.training), len(bench.training) + len(bench.validation)))
    kept = time.monotonic()
    trainer.measure()
    measured = time.monotonic()
    share = counter.of_evaluation(evaluated) / counter.of_evaluation(_validation_batches(rows, batch_size))
    scale = rows.validation_rows / len(rows.validation) / share
    return (kept - began) * scale, (measured - kept) * scale


def _save(job: TrainingJob, trainer: MethodTrainer, bench: Workbench, checkpoints: int) -> float:
    """Seconds for so many checkpoints and the adapter. The first takes longer than those that follow, so two are saved."""
    store = ArtifactStore(job)
    store.sweep()

    def write(folder: Path) -> None:
        capture_adapter(bench.model, copies=False)(folder)
        trainer.capture_state({})(folder)
        trainer.state.save_to_json(str(folder / "trainer_state.json"))

    seconds: list[float] = []
    for step in (1, 2):
        began = time.monotonic()
        store.commit_checkpoint(step, write)
        seconds.append(time.monotonic() - began)
    began = time.monotonic()
    store.commit_adapter(2, capture_adapter(bench.model, copies=False))
    adapter_seconds = time.monotonic() - began
    for name in ("checkpoints", "adapter"):
        shutil.rmtree(Path(job.output_dir) / name)
    return seconds[0] + seconds[1] * (checkpoints - 1) + adapter_seconds


def _tell(events: EventLog, found: dict[str, Any], began: float, busy: float) -> None:
    """The last event. `busy` is what other processes had worked when it began."""
    elapsed = time.monotonic() - began
    events.write(
        "run-measured",
        **found,
        machine=describe_machine(),
        seconds=elapsed,
        threads=torch.get_num_threads(),
        other_load=max(0.0, busy_seconds() - time.process_time() - busy) / elapsed,
        peak_memory_bytes=events.memory.peak,
        memory_limit_bytes=memory_limit_bytes(),
    )
