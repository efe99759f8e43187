"""Full fine-tuning: all weights are trained, and what comes of it is a model of its own."""

from transformers import PreTrainedModel

from worker.contract import FullAdapter


def attach(model: PreTrainedModel, adapter: FullAdapter, model_id: str) -> PreTrainedModel:
    """The model itself, in fp32: a weight of half the precision would lose most of Adam's small steps."""
    return model.float().requires_grad_(True)  # pyright: ignore[reportReturnType]
