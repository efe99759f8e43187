"""One of PEFT's adapters on a base model, whatever its kind."""

from peft import PeftConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel


def attach_config(model: PreTrainedModel, config: PeftConfig, model_id: str) -> PeftModel:
    """The model with the adapter that the configuration describes, fresh."""
    adapted = get_peft_model(model, config)
    if not isinstance(adapted, PeftModel):
        raise TypeError(f"PEFT made a {type(adapted).__name__} of the model")
    # What PEFT wrote here is a path of this machine; an adapter is loaded beside any copy of its base.
    adapted.peft_config["default"].base_model_name_or_path = model_id
    return adapted
