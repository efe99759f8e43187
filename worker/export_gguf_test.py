"""Tests of export_gguf.py: names, order and values as llama.cpp reads them."""

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers import LlamaConfig, PretrainedConfig

from worker.export_gguf import check_exportable, export_adapter, gguf_names
from worker.failures import WorkerError

CONFIG = LlamaConfig(num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, hidden_size=64, intermediate_size=96)


def lora(module: str, inputs: int, outputs: int, rank: int = 3) -> dict[str, torch.Tensor]:
    name = f"base_model.model.model.layers.1.{module}"
    return {f"{name}.lora_A.weight": torch.randn(rank, inputs), f"{name}.lora_B.weight": torch.randn(outputs, rank)}


def exported(tensors: dict[str, torch.Tensor], path: Path, config: PretrainedConfig = CONFIG) -> dict[str, np.ndarray]:
    export_adapter(tensors, config, 8.0, path)
    return {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}


def test_the_file_says_that_it_is_a_lora_adapter_and_its_alpha(tmp_path: Path) -> None:
    exported(lora("mlp.up_proj", 64, 96), tmp_path / "adapter.gguf")
    fields = gguf.GGUFReader(tmp_path / "adapter.gguf").fields
    said = {name: fields[name].contents() for name in ("general.architecture", "general.type", "adapter.type", "adapter.lora.alpha")}
    assert said == {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora", "adapter.lora.alpha": 8.0}


@pytest.mark.parametrize(
    ("module", "name", "inputs", "outputs"),
    [
        ("self_attn.v_proj", "attn_v", 64, 32),
        ("self_attn.o_proj", "attn_output", 64, 64),
        ("mlp.gate_proj", "ffn_gate", 64, 96),
        ("mlp.up_proj", "ffn_up", 64, 96),
        ("mlp.down_proj", "ffn_down", 96, 64),
    ],
)
def test_matrices_go_as_they_are_under_llama_cpp_s_names(tmp_path: Path, module: str, name: str, inputs: int, outputs: int) -> None:
    tensors = lora(module, inputs, outputs)
    found = exported(tensors, tmp_path / "adapter.gguf")
    assert set(found) == {f"blk.1.{name}.weight.lora_a", f"blk.1.{name}.weight.lora_b"}
    matrix_a, matrix_b = tensors.values()
    np.testing.assert_array_equal(found[f"blk.1.{name}.weight.lora_a"], matrix_a.numpy())
    np.testing.assert_array_equal(found[f"blk.1.{name}.weight.lora_b"], matrix_b.numpy())


def test_an_even_rank_is_padded_to_an_odd_one_with_the_same_product_and_scale(tmp_path: Path) -> None:
    tensors = lora("self_attn.o_proj", 64, 64, rank=16)
    found = exported(tensors, tmp_path / "adapter.gguf")
    matrix_a, matrix_b = (found[f"blk.1.attn_output.weight.lora_{name}"] for name in "ab")
    assert (matrix_a.shape, matrix_b.shape) == ((17, 64), (64, 17))
    given_a, given_b = (tensor.numpy() for tensor in tensors.values())
    np.testing.assert_array_equal(matrix_a[:16], given_a)
    np.testing.assert_array_equal(matrix_b[:, :16], given_b)
    assert not matrix_a[16].any()
    assert not matrix_b[:, 16].any()
    alpha = gguf.GGUFReader(tmp_path / "adapter.gguf").fields["adapter.lora.alpha"].contents()
    assert alpha / 17 == 8.0 / 16


@pytest.mark.parametrize(("module", "name", "heads"), [("self_attn.q_proj", "attn_q", 4), ("self_attn.k_proj", "attn_k", 2)])
def test_rows_of_q_and_k_go_in_the_order_of_llama_cpp_s_rotation(tmp_path: Path, module: str, name: str, heads: int) -> None:
    tensors = lora(module, 64, heads * 16)
    found = exported(tensors, tmp_path / "adapter.gguf")
    matrix_b = list(tensors.values())[1].numpy()
    # Row (head, 2 i + half) of llama.cpp is row (head, half * 8 + i) of transformers.
    order = [head * 16 + half * 8 + i for head in range(heads) for i in range(8) for half in range(2)]
    np.testing.assert_array_equal(found[f"blk.1.{name}.weight.lora_b"], matrix_b[order])


def test_a_model_that_llama_cpp_cannot_serve_is_refused_by_name() -> None:
    check_exportable(CONFIG, "tiny")
    with pytest.raises(WorkerError, match="gpt-j-6b is a gptj model"):
        check_exportable(_config("gptj"), "gpt-j-6b")


def test_a_matrix_that_llama_cpp_has_no_name_for_is_refused_by_name() -> None:
    with pytest.raises(WorkerError, match=r"cannot serve an update of .*mlp\.expert_proj\.lora_A"):
        gguf_names(lora("mlp.expert_proj", 64, 96), CONFIG)


def _config(model_type: str) -> PretrainedConfig:
    return type("SomeConfig", (PretrainedConfig,), {"model_type": model_type})()
