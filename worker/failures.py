"""Failures that a person can act on, and what to tell them."""

import errno
import re
from collections.abc import Iterator, Sequence

from worker.contract import FailureCause, RowProblem

MAX_REPORTED_ROWS = 1000

NEXT_STEPS: dict[FailureCause, str] = {
    "data_error": "Correct the rows named here, upload the file again and start a new job.",
    "model_error": "Pull the model again, or choose another base model.",
    "oom": "Lower batch_size or max_seq_length, switch on gradient_checkpointing, or use a machine with more memory.",
    "nan": "Lower learning_rate, or look for rows with broken text; what was saved before is kept.",
    "disk_full": "Free space on the disk that holds the platform's data, then resume the job.",
    "worker_lost": "Resume the job: it goes on from its last checkpoint.",
    "checkpoint_corrupt": "Resume from an earlier checkpoint, or start the job again.",
    "config_error": "Change the setting named here and start a new job.",
    "crashed": "Resume the job; if it fails again, report the message with the log of the attempt.",
}


class WorkerError(Exception):
    """A failure a person can act on. Anything else is a bug, and ends the run as `crashed`."""

    def __init__(self, cause: FailureCause, message: str, rows: Sequence[RowProblem] = ()) -> None:
        super().__init__(message)
        self.cause: FailureCause = cause
        self.message = message
        self.rows = list(rows)

    @property
    def next_step(self) -> str:
        """What the person can do about it."""
        return NEXT_STEPS[self.cause]


def explain(error: BaseException, log_file: str) -> WorkerError:
    """The failure behind any exception: found by type and errno where there is one, by the library's words where there is not."""
    for link in _chain(error):
        if isinstance(link, WorkerError):
            return link
        if _errno_of(link) in (errno.ENOSPC, errno.EDQUOT):
            return WorkerError("disk_full", f"The disk is full: {link}.")
        if _is_out_of_memory(link):
            return WorkerError("oom", f"The process ran out of memory: {_first_line(link)}")
    return WorkerError("crashed", f"{type(error).__name__}: {_first_line(error)} The traceback is in {log_file}.")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, then what caused it."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _errno_of(error: BaseException) -> int | None:
    """Of the system's errors; what libraries in Rust raise (safetensors, tokenizers) has it in its words alone."""
    if isinstance(error, OSError):
        return error.errno
    told = re.search(r"\(os error (\d+)\)", str(error))
    return int(told[1]) if told else None


def _is_out_of_memory(error: BaseException) -> bool:
    """MemoryError of Python, OutOfMemoryError of torch on a GPU, and the RuntimeError of torch's CPU allocator."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if _errno_of(error) == errno.ENOMEM:
        return True
    words = ("can't allocate memory", "not enough memory", "out of memory", "std::bad_alloc", "Cannot allocate memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().split("\n", 1)[0]
    return text if text.endswith(".") else f"{text}."
