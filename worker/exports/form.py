"""What a form of export is: the phases it goes through, and how it writes a merged model."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from worker.contract import ExportTask

Phase = Literal["merging", "writing", "converting", "quantizing", "checking"]


@dataclass
class Merged:
    """A model whole in fp32, its adapter added to its weights, with the tokenizer that writes chats as it was taught to read them."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    task: ExportTask
    # Says that a phase has begun.
    say: Callable[[Phase], None]


@dataclass(frozen=True)
class Form:
    """How one form is made."""

    phases: tuple[Phase, ...]
    # Writes all files of the form into an empty folder. Raises WorkerError when the model cannot have this form.
    write: Callable[[Merged, Path], None]
