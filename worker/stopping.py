"""When a run ends before its last step by itself: the validation loss gets no lower, or its budget is spent."""

import time
from dataclasses import dataclass

from worker.contract import RunBudget, RunStop, TrainingSettings


@dataclass
class Watch:
    """How the validation loss has gone, over all attempts of a run."""

    best_loss: float | None = None
    best_step: int = 0
    # Evaluations in a row since then.
    worse: int = 0

    def note(self, step: int, loss: float, threshold: float) -> None:
        """One evaluation: a loss that is lower than the best by more than so many nats is the new best."""
        if self.best_loss is None or loss < self.best_loss - threshold:
            self.best_loss, self.best_step, self.worse = loss, step, 0
        else:
            self.worse += 1

    def reason(self, step: int, settings: TrainingSettings) -> RunStop | None:
        """Why the run is to stop after this step."""
        patience = settings.early_stopping_patience
        if patience is None or self.worse < patience:
            return None
        by = f" by more than {settings.early_stopping_threshold:g}" if settings.early_stopping_threshold > 0 else ""
        times = "evaluation" if self.worse == 1 else f"{self.worse} evaluations"
        message = (
            f"Stopped early at step {step}: for {times} the validation loss was not{by} below its best, "
            f"{self.best_loss:.4g} at step {self.best_step}"
        )
        return RunStop(cause="early_stopping", step=step, message=message)


class Purse:
    """The budget of an attempt. It began at a time of `time.monotonic`."""

    def __init__(self, budget: RunBudget | None, began: float) -> None:
        self._budget = budget
        self._began = began

    def reason(self, step: int, next_seconds: float) -> RunStop | None:
        """Why the run is to stop after this step: what still has to follow it, and one more step, take longer than is left."""
        if self._budget is None or time.monotonic() - self._began + next_seconds <= self._budget.seconds:
            return None
        message = f"Stopped at step {step}: the budget of {self._budget.told} is spent"
        return RunStop(cause=self._budget.cause, step=step, message=message)
