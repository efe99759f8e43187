"""The kinds of adapter. A new one: its file beside these, and a line here."""

from collections.abc import Callable
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel

from worker.adapters import adaption_prompt, full, ia3, lora, prefix_tuning, prompt_tuning

# Each puts what is trained into the base model, named by the last argument, and changes nothing that the model says but by chance.
ADAPTERS: dict[str, Callable[[PreTrainedModel, Any, str], PeftModel | PreTrainedModel]] = {
    "lora": lora.attach,
    "full": full.attach,
    "ia3": ia3.attach,
    "prompt_tuning": prompt_tuning.attach,
    "prefix_tuning": prefix_tuning.attach,
    "adaption_prompt": adaption_prompt.attach,
}
