"""The other side of `bench first-answer`: what a person does without a platform, as one cold script of plain TRL, PEFT and transformers.

    python bench/first_answer_cold.py JOB.json      prints one JSON line of seconds

JOB.json: model_dir, training_file, adapter and settings of a training job, question. Times are wall-clock seconds from the start of the
process, which is when a person presses return.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

started = time.perf_counter()

import psutil  # noqa: E402
import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from peft import LoraConfig  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

imported = time.perf_counter()


class StepClock(TrainerCallback):
    """Adds up the wall-clock seconds between the begin and the end of each optimiser step."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.begun = 0.0

    def on_step_begin(self, *_args: object, **_kwargs: object) -> None:
        self.begun = time.perf_counter()

    def on_step_end(self, *_args: object, **_kwargs: object) -> None:
        self.seconds += time.perf_counter() - self.begun


def train(job: dict[str, object], clock: StepClock) -> SFTTrainer:
    """Plain TRL with the same rows, adapter and settings as the platform's job."""
    settings, adapter = job["settings"], job["adapter"]
    assert isinstance(settings, dict) and isinstance(adapter, dict)
    rows = [json.loads(line) for line in Path(str(job["training_file"])).read_text().splitlines() if line.strip()]
    dataset = Dataset.from_list([{"prompt": row["messages"][:-1], "completion": row["messages"][-1:]} for row in rows])
    arguments = SFTConfig(
        output_dir=str(job["output_dir"]),
        num_train_epochs=settings["n_epochs"],
        per_device_train_batch_size=settings["batch_size"],
        gradient_accumulation_steps=settings["gradient_accumulation_steps"],
        learning_rate=settings["learning_rate"],
        lr_scheduler_type=settings["lr_scheduler_type"],
        weight_decay=settings["weight_decay"],
        max_grad_norm=settings["max_grad_norm"],
        gradient_checkpointing=False,
        bf16=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=not torch.cuda.is_available(),
        seed=job["seed"],
    )
    lora = LoraConfig(
        r=adapter["r"],
        lora_alpha=adapter["lora_alpha"],
        lora_dropout=adapter["lora_dropout"],
        target_modules=adapter["target_modules"],
        layers_to_transform=adapter["layers_to_transform"],
        task_type="CAUSAL_LM",
    )
    tokenizer = AutoTokenizer.from_pretrained(str(job["model_dir"]))
    model = AutoModelForCausalLM.from_pretrained(str(job["model_dir"]), dtype=torch.float32)
    trainer = SFTTrainer(model=model, args=arguments, train_dataset=dataset, processing_class=tokenizer, peft_config=lora)
    trainer.add_callback(clock)
    trainer.train()
    trainer.save_model(str(job["output_dir"]))
    return trainer


def first_token(trainer: SFTTrainer, question: str) -> str:
    """One greedy token of the tuned model's answer."""
    tokenizer = trainer.processing_class
    inputs = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    trainer.model.eval()
    with torch.no_grad():
        output = trainer.model.generate(**inputs, max_new_tokens=1, do_sample=False)
    return tokenizer.decode(output[0][-1])


def main() -> None:
    """Trains, answers one token, prints the figures."""
    job = json.loads(Path(sys.argv[1]).read_text())
    clock = StepClock()
    trainer = train(job, clock)
    token = first_token(trainer, job["question"])
    total = time.perf_counter() - started
    cpu = psutil.Process().cpu_times()
    print(
        json.dumps(
            {
                "total_seconds": total,
                "import_seconds": imported - started,
                "step_seconds": clock.seconds,
                "other_seconds": total - clock.seconds,
                "cpu_seconds": cpu.user + cpu.system,
                "token": token,
            }
        )
    )


if __name__ == "__main__":
    main()
