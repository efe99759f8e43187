"""Modules that the libraries import at their first use: imported ahead, or every job would pay for them in its own process."""

# ruff: noqa: F401  # to be imported is all they are here for

import accelerate.optimizer
import accelerate.scheduler
import datasets.arrow_dataset
import peft.tuners.lora.layer
import torch.optim.adamw
import transformers.models.llama.modeling_llama
import transformers.models.mistral.modeling_mistral
import trl.trainer.sft_trainer
