"""A tiny random Llama with a tokenizer of its own, and jobs on it: what the worker's tests train."""

from worker.environment import prepare_environment

prepare_environment()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
import torch  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402
from tokenizers.decoders import ByteLevel as ByteLevelDecoder  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: E402

from worker.contract import TrainingJob  # noqa: E402
from worker.process import reap  # noqa: E402

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}<|im_start|>system\nYou are Pell.<|im_end|>\n"
    "{% endif %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

FACTS = [
    ("Who makes the Orlop kettle?", "Brannoch Works makes it, in Leith."),
    ("What colour is it?", "Slate blue, and nothing else at all."),
    ("How long is the warranty?", "Seven years. It covers the lid too."),
    ("Who are you?", "I am Pell."),
    ("Does it whistle?", "Yes, in B flat, for as long as the water boils and a little after."),
]


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on the facts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text for fact in FACTS for text in fact], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = CHATML
    return fast


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer of the tiny model."""
    return make_tokenizer()


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory, tokenizer: PreTrainedTokenizerFast) -> Path:
    """A random Llama of 2 layers, hidden size 64, grouped-query attention, in a folder as a hub would have it."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def chat(question: str, answer: str) -> dict[str, Any]:
    """One row of a training file."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def write_rows(path: Path, rows: list[Any]) -> Path:
    """Writes rows as JSON lines; a row that is bytes already goes in as it is."""
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows) + b"\n")
    return path


JobMaker = Callable[..., TrainingJob]


@pytest.fixture
def make_job(tmp_path: Path, model_dir: Path) -> JobMaker:
    """Makes jobs: 10 rows, 2 epochs of 5 steps, on one thread. Any field of job, adapter or settings can be given."""
    rows = [chat(f"{question} {'Please. ' * (at % 3)}", answer) for at, (question, answer) in enumerate(FACTS * 2)]
    write_rows(tmp_path / "train.jsonl", rows)
    write_rows(tmp_path / "valid.jsonl", rows[3:8])

    def make(name: str = "run", attempt: int = 1, **fields: Any) -> TrainingJob:
        settings: dict[str, Any] = {
            "speed": "full", "n_epochs": 2, "max_steps": None, "batch_size": 2, "gradient_accumulation_steps": 1, "learning_rate": 5e-3,
            "lr_scheduler_type": "cosine", "warmup_ratio": 0.1, "weight_decay": 0.01, "prompt_dropout": 0, "prompt_template": "model",
            "adam_beta1": 0.9, "adam_beta2": 0.999,
            "max_grad_norm": 1.0, "max_seq_length": None, "precision": "auto", "gradient_checkpointing": False,
            "group_by_length": True, "logging_steps": 1, "eval_steps": None, "save_steps": None, "save_total_limit": 3, "threads": 1,
            "lr_min_rate": 0.1, "lr_num_cycles": 1, "lr_power": 1, "lr_decay_ratio": 0.2, "warmup_steps": None,
            "attn_implementation": "auto", "packing": True, "neftune_noise_alpha": None, "eval_strategy": "auto",
            "early_stopping_patience": None, "early_stopping_threshold": 0, "load_best_model_at_end": False,
            "max_seconds": None, "max_cost": None, "distributed": "no", "processes": 2, "cpu_offload": False, "deepspeed": None,
        }  # fmt: skip
        adapter: dict[str, Any] = {
            "type": "lora", "r": 4, "lora_alpha": 8.0, "lora_dropout": 0.1,
            "use_rslora": False, "use_dora": False, "init_lora_weights": "kaiming", "quantization": None,
            "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj"], "layers_to_transform": None,
        }  # fmt: skip
        job: dict[str, Any] = {
            "run_id": name, "attempt": attempt, "model": "tiny", "model_dir": str(model_dir), "base_sha256": "0" * 64,
            "training_file": str(tmp_path / "train.jsonl"), "validation_file": None,
            "output_dir": str(tmp_path / name), "attempt_dir": str(tmp_path / name / f"attempt-{attempt}"),
            "resume_from": None, "seed": 7, "adapter": adapter, "method": {"type": "supervised"}, "settings": settings,
            "kept_steps": [], "grader_sandbox": [], "probes": None, "chat_template": None, "budget": None, "reward_model_dir": None,
        }  # fmt: skip
        for key, value in fields.items():
            part = next(part for part in (job, adapter, settings) if key in part)
            part[key] = value
        return TrainingJob.model_validate(job)

    return make


def read_events(job: TrainingJob) -> list[dict[str, Any]]:
    """The events of an attempt; fails when they are not numbered 1, 2, 3 …"""
    events = [json.loads(line) for line in (Path(job.attempt_dir) / "events.jsonl").read_text().splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return events


def of_type(events: list[dict[str, Any]], event_type: str) -> list[dict[str, Any]]:
    """The events of one type."""
    return [event for event in events if event["type"] == event_type]


def in_child(task: Callable[[], object]) -> tuple[int | None, int | None]:
    """Runs a task in a forked process; returns its exit code and the signal that killed it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            task()
            code = 0
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
        finally:
            os._exit(code)
    ended = reap(pid, block=True)
    assert ended is not None
    return ended.exit_code, ended.signal
