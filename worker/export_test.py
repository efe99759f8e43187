"""Tests of export.py: what is exported answers as what was trained, whole or not at all."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from peft import PromptTuningConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from worker.checkpoints import MANIFEST
from worker.conftest import FACTS, JobMaker, write_rows
from worker.contract import ExportManifest, ExportTask
from worker.convert_test import write_gguf
from worker.durable import measure_file
from worker.examples import prompt_token_ids
from worker.export import export_file, merge
from worker.exports.quantized_folder import calibration_rows
from worker.failures import WorkerError
from worker.llama_quantize import quantize_gguf
from worker.load import attach_adapter, load_base
from worker.open_adapter import open_adapter
from worker.quantize import Unquantizable, group_size
from worker.train import SUCCEEDED, run_attempt

TaskMaker = Callable[..., Path]
# As scripts/setup/quantizers.mjs leaves it.
QUANTIZERS = Path(__file__).parent.parent / ".tools" / "quantizers"


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
            "method": None, "training_file": None, "llama_library": None, "quantizers": None, "threads": 1,
            "output_dir": str(tmp_path / "out" / "form"),
            "progress_file": str(tmp_path / "progress.json"),
            **fields,
        }  # fmt: skip
        file = tmp_path / f"task-{task['form']}.json"
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


def test_a_model_whose_every_weight_was_trained_is_written_as_it_is(make_job: JobMaker, model_dir: Path, make_task: TaskMaker) -> None:
    job = make_job(adapter={"type": "full"}, learning_rate=2e-3)
    assert run_attempt(job, lambda: load_base(model_dir)) == SUCCEEDED
    trained = Path(job.output_dir) / "adapter"
    task = ExportTask.model_validate_json(make_task(trained, method="supervised").read_bytes())
    export(make_task(trained, method="supervised"), model_dir)
    written = AutoModelForCausalLM.from_pretrained(task.output_dir)
    weights = open_adapter(load_base(model_dir).model, trained).state_dict()
    assert {name: torch.equal(weight, weights[name]) for name, weight in written.state_dict().items()} == dict.fromkeys(weights, True)
    assert not torch.equal(written.model.norm.weight, load_base(model_dir).model.model.norm.weight)


def test_a_reward_model_is_refused_by_its_name(adapter_dir: Path, model_dir: Path, make_task: TaskMaker, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="ft:tiny is a reward model"):
        export(make_task(adapter_dir, method="reward"), model_dir)
    assert list((tmp_path / "out").iterdir()) == []


# What quantised folders say and how near their logits are to those of the folder given first: run where the libraries are.
ANSWERS = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
whole, said = None, {}
for folder in sys.argv[1:]:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    chat = [{"role": "user", "content": "Who are you?"}]
    asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    answer = model.generate(**asked, max_new_tokens=6, min_new_tokens=6, do_sample=False)
    with torch.inference_mode():
        logits = model(**asked).logits[0, -1].float()
    whole = logits if whole is None else whole
    said[folder.rsplit("/", 1)[-1]] = {
        "tokens": answer.shape[1] - asked["input_ids"].shape[1],
        "layer": type(model.model.layers[0].self_attn.q_proj).__module__.split(".")[0],
        "likeness": float(torch.cosine_similarity(logits, whole, dim=0)),
    }
print("\\n" + json.dumps(said))
"""
FEWER_BITS = {"gptq-int4": "gptqmodel", "awq-int4": "gptqmodel", "bnb-nf4": "bitsandbytes", "bnb-int8": "bitsandbytes"}


@pytest.fixture
def wide_dir(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> Path:
    """A model whose matrices have the sizes that AWQ takes."""
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=128, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        initializer_range=0.2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "wide")
    tokenizer.save_pretrained(tmp_path / "wide")
    return tmp_path / "wide"


def test_fewer_bits_load_by_their_library_and_answer_nearly_as_the_whole_model(
    make_job: JobMaker, make_task: TaskMaker, wide_dir: Path, tmp_path: Path
) -> None:
    assert (QUANTIZERS / ".tuneloop-setup").exists(), "run npm run setup -- --for-tests"
    job = make_job(model_dir=str(wide_dir), learning_rate=2e-2)
    assert run_attempt(job, lambda: load_base(wide_dir)) == SUCCEEDED
    adapter_dir = Path(job.output_dir) / "adapter"
    rows = {"method": "supervised", "training_file": str(tmp_path / "train.jsonl")}

    def write(form: str) -> Path:
        folder = tmp_path / "out" / form
        places = {"output_dir": str(folder), "progress_file": str(tmp_path / f"progress-{form}.json")}
        export(make_task(adapter_dir, form=form, quantizers=str(QUANTIZERS), **places, **rows), wide_dir)
        assert not (folder / "work").exists()
        return folder

    folders = [write(form) for form in ("safetensors", *FEWER_BITS)]
    environment = {**os.environ, "PYTHONPATH": str(QUANTIZERS), "GPTQMODEL_CPU_WORKERS": "2"}
    done = subprocess.run([sys.executable, "-c", ANSWERS, *map(str, folders)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
    for form, library in FEWER_BITS.items():
        assert (said[form]["tokens"], said[form]["layer"]) == (6, library)
        assert said[form]["likeness"] > 0.9, said


def test_weights_share_a_scale_by_groups_that_divide_their_rows(model_dir: Path, wide_dir: Path) -> None:
    assert (group_size(model_dir, "gptq"), group_size(wide_dir, "gptq"), group_size(wide_dir, "awq")) == (32, 64, 64)
    with pytest.raises(Unquantizable, match="outputs are a multiple of 64; it has some of 32"):
        group_size(model_dir, "awq")


def test_what_is_not_installed_is_refused_with_the_command_that_installs_it(make_task: TaskMaker, model_dir: Path) -> None:
    with pytest.raises(WorkerError, match=r"npm run setup -- --quantizers"):
        export(make_task(None, form="gptq-int4"), model_dir)


@pytest.mark.parametrize(("method", "why"), [(None, "a base model has none"), ("supervised", "the file of its run was deleted")])
def test_without_rows_nothing_is_calibrated(make_task: TaskMaker, model_dir: Path, method: str | None, why: str) -> None:
    with pytest.raises(WorkerError, match=why):
        export(make_task(None, form="awq-int4", quantizers=str(QUANTIZERS), method=method), model_dir)


def test_a_file_of_questions_alone_is_calibrated_on(make_task: TaskMaker, model_dir: Path, tmp_path: Path) -> None:
    base = load_base(model_dir)
    write_rows(tmp_path / "asked.jsonl", [{"prompt": [{"role": "user", "content": question}]} for question, _ in FACTS])
    file = make_task(None, form="awq-int4", method="ppo", training_file=str(tmp_path / "asked.jsonl"))
    task = ExportTask.model_validate_json(file.read_bytes())
    rows = calibration_rows(task, base.tokenizer)
    assert rows == [prompt_token_ids(base.tokenizer, [{"role": "user", "content": question}]) for question, _ in FACTS]


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
