"""Prompt tuning (Lester et al. 2021) by PEFT: embeddings before every text, of given words at first or at random."""

from peft import PromptTuningConfig, PromptTuningInit
from transformers import PreTrainedModel

from worker.contract import PromptTuningAdapter
from worker.virtual_tokens import VirtualTokens


def attach(model: PreTrainedModel, adapter: PromptTuningAdapter, model_id: str) -> VirtualTokens:
    """Puts the learnt embeddings before every text that the model reads."""
    text = adapter.prompt_tuning_init_text
    config = PromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=adapter.num_virtual_tokens,
        # Words of the vocabulary, drawn by the seed, keep the scale of embeddings that the model knows.
        prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB if text is None else PromptTuningInit.TEXT,
        prompt_tuning_init_text=text,
        tokenizer_name_or_path=None if text is None else model.name_or_path,
    )
    adapted = VirtualTokens(model, config)
    config.base_model_name_or_path = model_id
    config.tokenizer_name_or_path = None if text is None else model_id
    return adapted
