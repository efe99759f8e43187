"""What happens between two optimiser steps: report, evaluate, save, and look whether the job is to stop."""

import contextlib
import copy
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from worker.batches import evaluation_interval
from worker.checkpoints import ArtifactStore, checkpoint_path
from worker.contract import Evaluation, RunStop, TrainingJob
from worker.control import read_control
from worker.events import EventLog
from worker.probes import Prober
from worker.ranks import ALONE, Ranks
from worker.saving import Saver, write_at_once
from worker.stopping import Purse, Watch
from worker.trainer_state import TRAINER_FILE
from worker.workbench import MethodTrainer, Tally

# Steps over which the pace is averaged for the time that is left.
_PACE_STEPS = 20
# Rows of a report that are named.
_MOST_ROWS = 512


@dataclass
class Counters:
    """How far a run has come, over all its attempts. Saved with every checkpoint."""

    training_sha256: str
    seen_tokens: int = 0
    # Spent in optimiser steps.
    seconds: float = 0.0
    best_step: int | None = None
    best_loss: float | None = None
    # What the best checkpoint scored, as JSON.
    best_evaluation: dict[str, Any] | None = None
    watch: Watch = field(default_factory=Watch)
    # Of the current epoch.
    epoch: Tally = field(default_factory=Tally)


class Progress(TrainerCallback):
    """Drives a run by the settings of its job. `stopped` says why it ended without a model, and the checkpoint that it left."""

    def __init__(
        self,
        job: TrainingJob,
        trainer: MethodTrainer,
        capture_adapter: Callable[[], Callable[[Path], None]],
        events: EventLog,
        store: ArtifactStore,
        counters: Counters,
        steps_per_epoch: int,
        purse: Purse,
        prober: Prober | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self._job = job
        self._trainer = trainer
        self._capture_adapter = capture_adapter
        self._events = events
        self._store = store
        # None: it is not evaluated at all.
        self._eval_steps = evaluation_interval(job.settings, steps_per_epoch) if job.validation_file is not None else None
        self._purse = purse
        self._save_steps = job.settings.save_steps or steps_per_epoch
        self.counters = counters
        self._prober = prober
        trainer.before_backward = self._answer_in_mid_step
        # All that a step is decided by is the first's, so all of them take the same steps.
        self._ranks = ranks
        self._kept_steps = set(job.kept_steps)
        # The last wish to keep a step that was carried out.
        self._kept_wish = 0
        self._saver = Saver()
        self._window = Tally()
        self._window_seconds = 0.0
        self._rows: list[int] = []
        # Of the last evaluation, which a stop may have to make again.
        self._closing_seconds = 0.0
        self._pace: deque[float] = deque(maxlen=_PACE_STEPS)
        self._step_began = 0.0
        self._learning_rate = 0.0
        self._process = psutil.Process()
        self.evaluation: Evaluation | None = None
        self.stopped: tuple[Literal["pause", "cancel"], str] | None = None
        # Why it ended before its last step, with a model.
        self.stop: RunStop | None = None

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Says how the weights are spread over the processes, once they are; from now on none changes while it is being saved."""
        if self._ranks.world == 1:
            # By the optimiser itself: a method may take steps of its own within one of the trainer's.
            inner = getattr(kwargs["optimizer"], "optimizer", kwargs["optimizer"])
            inner.register_step_pre_hook(lambda *_: self._saver.finish())
        if (spread := self._trainer.spread) is not None:
            self._events.write("log", level="info", message=spread)

    def on_epoch_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Starts the sums of an epoch anew, unless a resumed run is in the middle of it."""
        if state.epoch is None or float(state.epoch).is_integer():
            self.counters.epoch = Tally()

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Starts the clock of a step."""
        self._step_began = time.monotonic()

    def on_pre_optimizer_step(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Notes the rate of this step; the schedule moves on before the step ends."""
        self._learning_rate = self._trainer.learning_rate()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One optimiser step has been done."""
        self._count(time.monotonic() - self._step_began)
        # Before this step is told: whoever is killed after it goes on from what was saved before it.
        self._saver.finish()
        step, last = state.global_step, state.global_step >= state.max_steps
        if step % self._job.settings.logging_steps == 0 or last:
            self._report(state)
        self._answer_questions(step)
        self.evaluation = None
        if self._eval_steps is not None and (step % self._eval_steps == 0 or last):
            self._evaluate(step)
        asked = self._ranks.first_says(lambda: read_control(Path(self._job.attempt_dir)))
        # With the last step nothing is left to go on with, and nothing to stop.
        action = None if last and asked.action != "cancel" else asked.action
        self.stop = None if last else self._ranks.first_says(lambda: self._reason_to_stop(step, action))
        if self.stop is not None:
            control.should_training_stop = last = True
            if self.evaluation is None and self._eval_steps is not None:
                self._evaluate(step)
        is_kept = asked.keep > self._kept_wish
        self._kept_wish = max(asked.keep, self._kept_wish)
        is_saved = action is not None or is_kept or step % self._save_steps == 0 or last or self._is_best_to_load()
        if is_saved:
            path = self._save(state, is_kept)
            if last or is_kept or action is not None:
                self._saver.finish()
            if action == "pause" or action == "cancel":
                self.stopped = (action, path)
                control.should_training_stop = True
        if self._prober is not None and self.stopped is None:
            to_save = 0 if is_saved else min(self._save_steps - step % self._save_steps, state.max_steps - step)
            self._prober.after_step(step, 0 if last else state.max_steps - step, to_save, forced=is_kept)

    def _reason_to_stop(self, step: int, action: str | None) -> RunStop | None:
        """Why the run is to end here, with a model."""
        if action == "stop":
            return RunStop(cause="asked", step=step, message=f"Stopped early at step {step}, as was asked")
        if action is not None:
            return None
        by_loss = self.counters.watch.reason(step, self._job.settings)
        return by_loss or self._purse.reason(step, max(self._pace) + self._closing_seconds)

    def _is_best_to_load(self) -> bool:
        """Whether this step may be the one whose weights the run ends with."""
        return self._job.settings.load_best_model_at_end and self._is_best()

    def _is_best(self) -> bool:
        best = self.counters.best_loss
        return self.evaluation is not None and (best is None or self.evaluation.loss < best)

    def settle(self) -> None:
        """Tells of what is still being written or removed when the steps end, by themselves or by a failure."""
        with contextlib.suppress(Exception):
            while self._saver.is_busy:
                self._saver.finish()

    def _answer_questions(self, step: int) -> None:
        if self._prober is not None:
            self._prober.answer_questions(step)

    def _answer_in_mid_step(self) -> None:
        """Who asks now need not wait for the end of the step. It takes no longer for that: the clock of the step stands still."""
        began = time.monotonic()
        self._answer_questions(self._trainer.state.global_step)
        self._step_began += time.monotonic() - began

    def _count(self, seconds: float) -> None:
        tally, self._trainer.tally = self._ranks.sum_up(self._trainer.tally, Tally()), Tally()
        self._rows += self._trainer.take_rows()
        self._window += tally
        self._window_seconds += seconds
        self._pace.append(seconds)
        self.counters.epoch += tally
        self.counters.seen_tokens += tally.seen
        self.counters.seconds += seconds

    def _report(self, state: TrainerState) -> None:
        self._events.write(
            "run-step",
            step=state.global_step,
            total_steps=state.max_steps,
            epoch=float(state.epoch or 0),
            loss=self._window.mean_loss,
            step_seconds=self._window_seconds,
            mean_token_accuracy=self._window.accuracy,
            learning_rate=self._learning_rate,
            grad_norm=self._trainer.grad_norm,
            seen_tokens=self.counters.seen_tokens,
            tokens_per_second=self._window.seen / max(self._window_seconds, 1e-9),
            memory_bytes=torch.cuda.memory_allocated() if torch.cuda.is_available() else self._process.memory_info().rss,
            eta_seconds=self._seconds_left(state),
            metrics=self._window.mean_metrics,
            rows=self._rows[:_MOST_ROWS],
        )
        self._rows = []
        self._window = Tally()
        self._window_seconds = 0.0

    def _seconds_left(self, state: TrainerState) -> float:
        """By the pace of the last steps; what probes take of the time, they will go on taking."""
        in_steps = sum(self._pace) / len(self._pace) * (state.max_steps - state.global_step)
        return in_steps / (1 - min(self._prober.share, 0.5)) if self._prober is not None else in_steps

    def _evaluate(self, step: int) -> None:
        began = time.monotonic()
        self._events.phase("evaluating")
        self.evaluation = self._trainer.measure(between=lambda: self._answer_questions(step))
        self._events.write("run-evaluated", step=step, **self.evaluation.model_dump())
        self.counters.watch.note(step, self.evaluation.loss, self._job.settings.early_stopping_threshold)
        self._events.phase("training")
        self._closing_seconds = time.monotonic() - began

    def _save(self, state: TrainerState, is_kept: bool) -> str:
        """Begins to save a checkpoint of this moment; returns its path relative to the output folder.

        Nothing is copied for it: the next change of the weights waits, and a forward and backward pass take longer than the disk.
        """
        counters, step = self.counters, state.global_step
        if self.evaluation is not None and self._is_best():
            counters.best_step, counters.best_loss = step, self.evaluation.loss
            counters.best_evaluation = self.evaluation.model_dump()
        if is_kept:
            self._kept_steps.add(step)
        parts = [self._capture_adapter(), self._trainer.capture_state(asdict(counters))]
        if not self._ranks.is_first:
            return checkpoint_path(step)
        trainer_state = copy.deepcopy(state)

        def write(folder: Path) -> None:
            write_at_once(folder, parts)
            trainer_state.save_to_json(str(folder / TRAINER_FILE))

        told = {
            "train_loss": counters.epoch.mean_loss,
            "train_mean_token_accuracy": counters.epoch.accuracy,
            "evaluation": self.evaluation,
            "kept": is_kept,
        }

        def saved(committed: tuple[str, str]) -> None:
            path, manifest_sha256 = committed
            self._events.write("checkpoint-saved", step=step, path=path, manifest_sha256=manifest_sha256, **told)
            self._begin_pruning()

        self._saver.begin(lambda: self._store.commit_checkpoint(step, write), saved)
        return checkpoint_path(step)

    def _begin_pruning(self) -> None:
        """Removes the checkpoints that are too many: once the newest has been told, so that one that is told of is always there."""
        limit, best_step, kept_steps = self._job.settings.save_total_limit, self.counters.best_step, set(self._kept_steps)

        def removed(gone: list[tuple[int, str]]) -> None:
            for step, path in gone:
                self._events.write("checkpoint-removed", step=step, path=path)

        self._saver.begin(lambda: self._store.prune(limit, best_step, kept_steps), removed)
