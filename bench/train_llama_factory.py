"""LLaMA-Factory's side of `bench train`, run by the Python of an environment that has it.

    python bench/train_llama_factory.py TASK.json      prints one JSON line

TASK.json: job (a supervised training job over rows in OpenAI's form).
"""

from __future__ import annotations

import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

# LLaMA-Factory imports it for sound alone; as installed from PyPI it refuses the torch that is installed with it (another CUDA).
torchaudio = ModuleType("torchaudio")
torchaudio.__spec__ = ModuleSpec("torchaudio", None)
sys.modules["torchaudio"] = torchaudio

import torch  # noqa: E402
from llamafactory.train.tuner import run_exp  # noqa: E402
from train_clock import TrainClock  # noqa: E402


def arguments(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The job in LLaMA-Factory's words. Its template "smollm" writes the same text; it trains the line break after an answer too."""
    settings, adapter = job["settings"], job["adapter"]
    return {
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "model_name_or_path": job["model_dir"],
        "dataset_dir": str(folder),
        "dataset": "rows",
        "template": "smollm",
        "cutoff_len": 2048,
        "lora_rank": adapter["r"],
        "lora_alpha": int(adapter["lora_alpha"]),
        "lora_dropout": adapter["lora_dropout"],
        "lora_target": ",".join(adapter["target_modules"]),
        "output_dir": job["output_dir"],
        "per_device_train_batch_size": settings["batch_size"],
        "gradient_accumulation_steps": settings["gradient_accumulation_steps"],
        "num_train_epochs": settings["n_epochs"],
        "max_steps": settings["max_steps"] or -1,
        "learning_rate": settings["learning_rate"],
        "lr_scheduler_type": settings["lr_scheduler_type"],
        "weight_decay": settings["weight_decay"],
        "max_grad_norm": settings["max_grad_norm"],
        "seed": job["seed"],
        "use_cpu": True,
        "bf16": False,
        "disable_gradient_checkpointing": True,
        "save_strategy": "no",
        "report_to": "none",
        "overwrite_output_dir": True,
        "disable_tqdm": True,
    }


def main() -> None:
    """Trains and tells."""
    task = json.loads(Path(sys.argv[1]).read_text())
    job = task["job"]
    folder = Path(job["output_dir"])
    folder.mkdir(parents=True)
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"}
    rows = {"file_name": job["training_file"], "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}
    (folder / "dataset_info.json").write_text(json.dumps({"rows": rows}))
    torch.set_num_threads(1)
    clock = TrainClock()
    run_exp(arguments(job, folder))
    print(json.dumps(clock.found(job["output_dir"])))


if __name__ == "__main__":
    main()
