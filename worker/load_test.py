"""Tests of load.py: what is refused before anything of a model is opened."""

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch

from worker.failures import WorkerError
from worker.load import load_base


@pytest.fixture
def copy(model_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_dir, tmp_path / "model"))


def refusal(folder: Path) -> str:
    with pytest.raises(WorkerError) as refused:
        load_base(folder)
    assert refused.value.cause == "model_error"
    return refused.value.message


def change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_base_model_comes_frozen_with_its_tokenizer(model_dir: Path) -> None:
    base = load_base(model_dir)
    assert not any(parameter.requires_grad for parameter in base.model.parameters())
    assert base.context_length == 128
    assert base.tokenizer.pad_token == "<|endoftext|>"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl", "optimizer.pth", "modeling_evil.py"])
def test_a_file_that_may_run_code_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.")
    assert name in refusal(copy)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_a_config_that_names_code_is_refused_wherever_it_stands(copy: Path, file: str) -> None:
    change(copy / file, auto_map={"AutoModel": "evil.Model"})
    assert "auto_map" in refusal(copy)


def test_a_config_that_trusts_remote_code_deep_inside_is_refused(copy: Path) -> None:
    change(copy / "config.json", vision_config={"layers": [{"trust_remote_code": True}]})
    assert "trust_remote_code" in refusal(copy)


def test_a_folder_without_weights_or_config_is_refused(copy: Path, tmp_path: Path) -> None:
    assert "no model folder" in refusal(tmp_path / "nowhere")
    (copy / "config.json").rename(copy / "other.txt")
    assert "config.json is missing" in refusal(copy)
    (copy / "model.safetensors").unlink()
    assert "no *.safetensors" in refusal(copy)


def test_cut_weights_are_refused_with_the_reason(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "does not load" in refusal(copy)


def test_a_model_with_a_weight_missing_is_refused_not_filled_with_random_numbers(copy: Path) -> None:
    weights = safetensors.torch.load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    safetensors.torch.save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert "no weights for model.layers.1.mlp.up_proj.weight" in refusal(copy)


def test_a_model_without_a_chat_template_is_refused(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    assert "no chat template" in refusal(copy)
