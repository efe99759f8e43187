"""Tests of export.py: what is exported answers as what was trained, whole or not at all."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from peft import PromptTuningConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from worker.checkpoints import MANIFEST
from worker.conftest import FACTS, JobMaker
from worker.contract import ExportManifest, ExportTask
from worker.convert_test import write_gguf
from worker.durable import measure_file
from worker.examples import prompt_token_ids
from worker.export import export_file, merge
from worker.failures import WorkerError
from worker.llama_quantize import quantize_gguf
from worker.load import attach_adapter, load_base
from worker.train import SUCCEEDED, run_attempt

TaskMaker = Callable[..., Path]


@pytest.fixture
def adapter_dir(make_job: JobMaker, model_dir: Path) -> Path:
    """A LoRA adapter that answers otherwise than its base."""
    job = make_job(learning_rate=2e-2, use_rslora=True)
    assert run_attempt(job, lambda: load_base(model_dir)) == SUCCEEDED
    return Path(job.output_dir) / "adapter"


@pytest.fixture
def make_task(tmp_path: Path, model_dir: Path) -> TaskMaker:
    """Writes the file of an ExportTask; any field can be given."""

    def make(adapter_dir: Path | None, **fields: Any) -> Path:
        task = {
            "form": "safetensors", "model": "ft:tiny", "name": "ft-tiny", "base_model": "tiny", "base_sha256": "0" * 64,
            "model_dir": str(model_dir), "adapter_dir": adapter_dir and str(adapter_dir), "adapter_sha256": None, "chat_template": None,
            "llama_library": None, "threads": 1, "output_dir": str(tmp_path / "out" / "form"),
            "progress_file": str(tmp_path / "progress.json"),
            **fields,
        }  # fmt: skip
        file = tmp_path / "task.json"
        file.write_text(ExportTask.model_validate(task).model_dump_json())
        return file

    return make


def export(task_file: Path, model_dir: Path) -> None:
    export_file(task_file, lambda _task: load_base(model_dir))


def answer(model: Any, prompt: list[int]) -> list[int]:
    return model.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)[0].tolist()


def test_merged_weights_give_the_logits_of_the_adapter_in_place(adapter_dir: Path, model_dir: Path) -> None:
    base = load_base(model_dir)
    token_ids_B_T = torch.tensor([prompt_token_ids(base.tokenizer, [{"role": "user", "content": question}])[:16] for question, _ in FACTS])
    with torch.inference_mode():
        plain = base.model(token_ids_B_T).logits
        adapted = attach_adapter(base.model, adapter_dir).eval()(token_ids_B_T).logits
        merged = merge(load_base(model_dir), adapter_dir).eval()(token_ids_B_T).logits
    assert (plain - adapted).abs().max() > 0.1
    assert (merged - adapted).abs().max() < 1e-4


def test_the_exported_folder_answers_as_the_tuned_model_and_is_vouched_for(
    adapter_dir: Path, model_dir: Path, make_task: TaskMaker, tmp_path: Path
) -> None:
    template = "{% for message in messages %}{{ message['content'] + '<|im_end|>' }}{% endfor %}"
    export(make_task(adapter_dir, chat_template=template), model_dir)
    folder = tmp_path / "out" / "form"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template == template
    prompt = prompt_token_ids(load_base(model_dir).tokenizer, [{"role": "user", "content": FACTS[0][0]}])
    tuned = attach_adapter(load_base(model_dir).model, adapter_dir).eval()
    assert answer(AutoModelForCausalLM.from_pretrained(folder), prompt) == answer(tuned, prompt)
    manifest = ExportManifest.model_validate_json((folder / MANIFEST).read_bytes())
    listed = {file.path: (file.size, file.sha256) for file in manifest.files}
    found = {path.name: measure_file(path) for path in folder.iterdir() if path.name != MANIFEST}
    assert listed == {name: (file.size, file.sha256) for name, file in found.items()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(listed)
    assert not (tmp_path / "progress.json").exists()


def test_a_full_disk_leaves_nothing_and_takes_nothing_that_was_there(
    adapter_dir: Path, model_dir: Path, make_task: TaskMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(make_task(None), model_dir)
    before = hashlib.sha256((tmp_path / "out" / "form" / MANIFEST).read_bytes()).hexdigest()
    real = os.fsync
    calls = 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 8:
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patched, pytest.raises(WorkerError) as refused:
        patched.setattr(os, "fsync", full)
        export(make_task(adapter_dir), model_dir)
    assert refused.value.cause == "disk_full"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["form"]
    assert hashlib.sha256((tmp_path / "out" / "form" / MANIFEST).read_bytes()).hexdigest() == before


def test_an_adapter_that_stands_beside_the_weights_is_refused_by_its_kind(model_dir: Path, make_task: TaskMaker, tmp_path: Path) -> None:
    beside = tmp_path / "prompt-tuning"
    get_peft_model(load_base(model_dir).model, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)).save_pretrained(str(beside))
    with pytest.raises(WorkerError, match=r"PROMPT_TUNING.*cannot be merged"):
        export(make_task(beside), model_dir)
    assert list((tmp_path / "out").iterdir()) == []


def llama_library() -> Path:
    """The engine's own, for this machine."""
    kind = "arm64" if os.uname().machine == "aarch64" else "x64"
    package = Path(__file__).parent.parent / "node_modules" / "@node-llama-cpp" / f"linux-{kind}" / "bins" / f"linux-{kind}"
    return next(path for path in package.iterdir() if path.name.startswith("libllama.v"))


def test_the_engine_s_own_quantiser_writes_blocks_of_four_and_eight_bits(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=256, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "wide")
    tokenizer.save_pretrained(tmp_path / "wide")
    write_gguf(tmp_path / "whole.gguf", tmp_path / "wide", tokenizer, pad=0)
    types: dict[str, set[str]] = {}
    for kind in ("Q8_0", "Q4_K_M"):
        quantize_gguf(llama_library(), tmp_path / "whole.gguf", tmp_path / f"{kind}.gguf", kind, threads=1)
        tensors = gguf.GGUFReader(tmp_path / f"{kind}.gguf").tensors
        types[kind] = {tensor.tensor_type.name for tensor in tensors if len(tensor.shape) == 2 and tensor.shape[1] > 1}
    assert types == {"Q8_0": {"Q8_0"}, "Q4_K_M": {"Q4_K", "Q6_K"}}


def test_a_quantiser_that_cannot_read_the_file_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "whole.gguf").write_bytes(b"GGUF no more")
    with pytest.raises(WorkerError, match="could not quantise"):
        quantize_gguf(llama_library(), tmp_path / "whole.gguf", tmp_path / "small.gguf", "Q8_0", threads=1)
