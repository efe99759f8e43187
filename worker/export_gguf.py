"""A LoRA adapter as GGUF, so that llama.cpp serves it the moment it is saved."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import gguf
import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import PretrainedConfig

from worker.failures import WorkerError

# Module path below the PEFT wrappers, and which of the two matrices.
_LORA_NAME = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_(?P<matrix>[AB])\.weight$")

Reorder = Callable[[Tensor, str, PretrainedConfig], Tensor]


def _rotary_pairs(matrix_O_I: Tensor, module: str, config: PretrainedConfig) -> Tensor:
    """Rows of q and k in llama.cpp's order: it rotates neighbours (0,1), where transformers rotates halves (0, d/2)."""
    name = module.rsplit(".", 1)[-1]
    if name not in ("q_proj", "k_proj"):
        return matrix_O_I
    heads = config.num_attention_heads if name == "q_proj" else config.num_key_value_heads
    rows, columns = matrix_O_I.shape
    return matrix_O_I.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _falcon_qkv(matrix_O_I: Tensor, module: str, config: PretrainedConfig) -> Tensor:
    """Rows of the fused q/k/v: all q, all k, all v, where transformers keeps each group of q beside its k and v."""
    if not module.endswith("query_key_value"):
        return matrix_O_I
    heads = config.num_attention_heads
    groups = config.num_kv_heads if config.new_decoder_architecture else 1 if config.multi_query else heads
    columns = matrix_O_I.shape[1]
    grouped = matrix_O_I.reshape(groups, heads // groups + 2, config.hidden_size // heads, columns)
    return torch.cat([part.reshape(-1, columns) for part in (grouped[:, :-2], grouped[:, -2:-1], grouped[:, -1:])])


def _as_is(matrix_O_I: Tensor, _module: str, _config: PretrainedConfig) -> Tensor:
    return matrix_O_I


# model_type of config.json → llama.cpp's architecture and the order in which it wants the rows of a matrix.
_ARCHITECTURES: Mapping[str, tuple[gguf.MODEL_ARCH, Reorder]] = {
    "llama": (gguf.MODEL_ARCH.LLAMA, _rotary_pairs),
    "mistral": (gguf.MODEL_ARCH.LLAMA, _rotary_pairs),
    "mixtral": (gguf.MODEL_ARCH.LLAMA, _rotary_pairs),
    "qwen2": (gguf.MODEL_ARCH.QWEN2, _as_is),
    "qwen3": (gguf.MODEL_ARCH.QWEN3, _as_is),
    "falcon": (gguf.MODEL_ARCH.FALCON, _falcon_qkv),
}


def check_exportable(config: PretrainedConfig, model_id: str) -> None:
    """Raises WorkerError('model_error') for a model whose adapters llama.cpp could not serve: before training, not after."""
    if config.model_type not in _ARCHITECTURES:
        known = ", ".join(sorted(_ARCHITECTURES))
        raise WorkerError(
            "model_error", f"{model_id} is a {config.model_type} model; adapters can be trained and served for {known} models."
        )


@lru_cache(maxsize=4)
def _name_map(model_type: str, layers: int) -> gguf.TensorNameMap:
    return gguf.get_tensor_name_map(_ARCHITECTURES[model_type][0], layers)


def gguf_names(keys: Iterable[str], config: PretrainedConfig) -> dict[str, str]:
    """llama.cpp's name for each adapted matrix. Raises WorkerError('config_error') for one that it cannot serve."""
    known = _name_map(config.model_type, config.num_hidden_layers)
    names: dict[str, str] = {}
    for key in keys:
        match = _LORA_NAME.match(key)
        name = known.get_name(f"{match['module']}.weight", try_suffixes=(".weight",)) if match else None
        if match is None or name is None:
            raise WorkerError("config_error", f"target_modules: llama.cpp cannot serve an update of {key}.")
        names[key] = f"{name}.lora_{match['matrix'].lower()}"
    return names


def export_adapter(tensors: Mapping[str, Tensor], config: PretrainedConfig, lora_alpha: float, path: Path) -> None:
    """Writes the adapter file: A and B of every adapted matrix in fp32, under llama.cpp's names, and alpha.

    An even rank gets one row of zeros more in A and one column in B: llama.cpp multiplies matrices whose rank is a multiple of 4 in
    another order for many tokens than for one, so that an answer would depend on who else asks. The product and its scale stay what
    they are.
    """
    rank = next(tensor.shape[0] for key, tensor in tensors.items() if key.endswith(".lora_A.weight"))
    padding = 1 - rank % 2
    architecture, reorder = _ARCHITECTURES[config.model_type]
    names = gguf_names(tensors, config)
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    # llama.cpp scales by alpha over the rank that it finds in the file.
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, lora_alpha * (rank + padding) / rank)
    for key in sorted(tensors):
        matrix = tensors[key].detach().float().cpu()
        if key.endswith(".lora_B.weight"):
            matrix = reorder(matrix, key.removesuffix(".lora_B.weight"), config)
        matrix = pad(matrix, (0, padding, 0, 0) if key.endswith(".lora_B.weight") else (0, 0, 0, padding))
        writer.add_tensor(names[key], matrix.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
