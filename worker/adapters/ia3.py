"""(IA)³ (Liu et al. 2022) by PEFT: vectors of ones at first, so that nothing changes yet."""

from peft import IA3Config, PeftModel
from transformers import PreTrainedModel

from worker.adapters.attach import attach_config
from worker.adapters.targets import check_targets
from worker.contract import Ia3Adapter


def attach(model: PreTrainedModel, adapter: Ia3Adapter, model_id: str) -> PeftModel:
    """Scales outputs, and inputs of the feed-forward layers. Raises WorkerError('config_error') when a name matches nothing."""
    check_targets(model, adapter.target_modules, model_id)
    config = IA3Config(task_type="CAUSAL_LM", target_modules=adapter.target_modules, feedforward_modules=adapter.feedforward_modules)
    return attach_config(model, config, model_id)
