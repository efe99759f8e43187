"""The sides of `bench train` in Python: libraries are imported once, then each task is a forked process of its own, two at once.

    python bench/train_sides.py TASKS.json      prints one JSON line for each task, in their order

TASKS.json: a list of tasks. `side` is ours, trl, trl-in-order, trl-grouped or trl-packed: a training job, by our worker, or the same rows,
tokens and settings in plain TRL, in TRL's own order, in ours, or as TRL groups or packs them. `side` judge is the referee (train_judge.py).
All have job; packed rows have pack_tokens, judges adapter_dir and questions.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from worker.environment import prepare_environment

prepare_environment()

import torch  # noqa: E402
import transformers  # noqa: E402
from datasets import Dataset  # noqa: E402
from train_clock import TrainClock  # noqa: E402
from train_judge import judge  # noqa: E402
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer  # noqa: E402

from worker.adapters import ADAPTERS  # noqa: E402
from worker.batches import EpochSampler  # noqa: E402
from worker.contract import TrainingJob  # noqa: E402
from worker.load import BaseModel, load_base  # noqa: E402
from worker.preference_rows import Pair  # noqa: E402
from worker.train import SUCCEEDED, check_rows, run_attempt  # noqa: E402

# What each side changes in TRL's defaults; packed rows stand for the batch.
_OPTIONS: dict[str, dict[str, Any]] = {
    "trl": {},
    "trl-in-order": {},
    "trl-grouped": {"train_sampling_strategy": "group_by_length"},
    "trl-packed": {"packing": True, "per_device_train_batch_size": 1},
}


def train_ours(job: TrainingJob, base: BaseModel) -> str:
    """As the platform's worker does it, with its reports, its checkpoint at the end and all; the folder of the adapter."""
    if run_attempt(job, lambda: base) != SUCCEEDED:
        raise SystemExit((Path(job.attempt_dir) / "events.jsonl").read_text().splitlines()[-1])
    return str(Path(job.output_dir) / "adapter")


def train_plain(job: TrainingJob, base: BaseModel, options: dict[str, Any], is_in_order: bool) -> str:
    """TRL's trainer with the same tokens, adapter and settings, and the same rows in each step if asked; the folder of the adapter."""
    examples = check_rows(job, base).training
    transformers.set_seed(job.seed)
    model = ADAPTERS[job.adapter.type](base.model, job.adapter, job.model)
    settings = job.settings
    shared: dict[str, Any] = {
        "output_dir": job.output_dir,
        "num_train_epochs": settings.n_epochs,
        "max_steps": settings.max_steps or -1,
        "per_device_train_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.lr_scheduler_type,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "gradient_checkpointing": False,
        "bf16": False,
        "use_cpu": True,
        "seed": job.seed,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        **options,
    }
    if job.method.type == "dpo":
        trainer: Any = _dpo(job, shared, model, base.tokenizer, examples)
    else:
        rows = Dataset.from_list([{"input_ids": example.token_ids_T, "labels": example.labels_T} for example in examples])
        trainer = SFTTrainer(model=model, args=SFTConfig(**shared), train_dataset=rows, processing_class=base.tokenizer)
    if is_in_order:
        lengths = [len(example.token_ids_T) for example in examples]
        trainer._get_train_sampler = lambda *_: EpochSampler(lengths, settings.batch_size, job.seed, settings.group_by_length)
    trainer.train()
    trainer.save_model(job.output_dir)
    return job.output_dir


def _dpo(job: TrainingJob, shared: dict[str, Any], model: Any, tokenizer: Any, examples: list[Any]) -> DPOTrainer:
    pairs = [example for example in examples if isinstance(example, Pair)]
    rows = [
        {
            "prompt_ids": pair.token_ids_T[: pair.start],
            "chosen_ids": pair.token_ids_T[pair.start : pair.split],
            "rejected_ids": pair.token_ids_T[pair.split :],
        }
        for pair in pairs
    ]

    class Tokenised(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_args: Any, **_options: Any) -> Any:
            return dataset

    arguments = DPOConfig(beta=job.method.beta, max_length=None, **shared)
    return Tokenised(model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)


def run_task(task: dict[str, Any], base: BaseModel) -> dict[str, Any]:
    """In a process of its own."""
    torch.set_num_threads(1)
    job, side = TrainingJob.model_validate(task["job"]), task["side"]
    if side == "judge":
        return judge(job, base, Path(task["adapter_dir"]), task["questions"])
    clock = TrainClock()
    if side == "ours":
        return clock.found(train_ours(job, base))
    options = dict(_OPTIONS[side])
    if side == "trl-packed":
        options |= {"max_length": task["pack_tokens"]}
    return clock.found(train_plain(job, base, options, side == "trl-in-order"))


def forked(task: dict[str, Any], base: BaseModel, result: Path) -> int:
    """The process id of a child that writes what it found."""
    pid = os.fork()
    if pid:
        return pid
    try:
        result.write_text(json.dumps(run_task(task, base)))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def main() -> None:
    """Does all tasks; ends at the first that fails."""
    torch.set_num_threads(1)
    path = Path(sys.argv[1])
    tasks = json.loads(path.read_text())
    base = load_base(Path(tasks[0]["job"]["model_dir"]))
    results = [path.with_suffix(f".{at}") for at in range(len(tasks))]
    left, running = list(range(len(tasks))), 0
    while left or running:
        if left and running < min(2, os.cpu_count() or 1):
            at = left.pop(0)
            forked(tasks[at], base, results[at])
            running += 1
            continue
        _, status = os.wait()
        running -= 1
        if status:
            raise SystemExit("a side failed; what it said stands above")
    for result in results:
        print(result.read_text())


if __name__ == "__main__":
    main()
