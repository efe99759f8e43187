"""Weights of fewer bits, by the libraries that others load them with: `python -m worker.quantize --method gptq --model DIR --out DIR`.

A process of its own, because the libraries are no part of the worker: they stand in a folder that PYTHONPATH names. The last line
printed says why it did not end with 0.
"""

import argparse
import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from worker.environment import prepare_environment

prepare_environment()

import torch  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig  # noqa: E402

# Weights that share a scale: what GPTQ and AWQ are measured with in their papers, or less where rows are no multiple of it.
_GROUP_SIZES = (128, 64, 32)
# Outputs that the library searches a scale for at once.
_AWQ_ROWS = 64


class Unquantizable(Exception):
    """Why this model cannot be had in this form."""


def main() -> int:
    """Quantises, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker.quantize", description=__doc__)
    parser.add_argument("--method", choices=list(METHODS), required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder of safetensors")
    parser.add_argument("--out", type=Path, required=True, help="folder that is there")
    parser.add_argument("--calibration", type=Path, help="JSON: a list of lists of token ids")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = json.loads(arguments.calibration.read_text()) if arguments.calibration is not None else []
    try:
        METHODS[arguments.method](arguments.model, arguments.out, rows, arguments.threads)
    except Exception as error:
        # What the libraries raise has the shapes and names that they stumbled over; the log has where.
        traceback.print_exc(file=sys.stderr)
        sys.stdout.write(f"\n{error if isinstance(error, Unquantizable) else f'{type(error).__name__}: {error}'}\n")
        return 1
    return 0


def group_size(source: Path, method: str) -> int:
    """The largest group that divides the rows of every matrix but the head's. Raises Unquantizable."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source))
    head = model.get_output_embeddings()
    matrices = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear) and layer is not head]
    narrow = sorted({layer.out_features for layer in matrices if layer.out_features % _AWQ_ROWS})
    if method == "awq" and narrow:
        raise Unquantizable(f"AWQ takes matrices whose outputs are a multiple of {_AWQ_ROWS}; it has some of {narrow[0]}.")
    widths = {layer.in_features for layer in matrices}
    for size in _GROUP_SIZES:
        if math.gcd(*widths) % size == 0:
            return size
    raise Unquantizable(f"Its rows of {', '.join(map(str, sorted(widths)))} weights cannot be divided into groups of {_GROUP_SIZES[-1]}.")


def _by_gptqmodel(method: str) -> Callable[[Path, Path, list[list[int]], int], None]:
    """GPTQ (Frantar et al. 2022) and AWQ (Lin et al. 2023) to 4 bits, by GPTQModel; on a GPU where there is one."""

    def quantize(source: Path, out: Path, rows: list[list[int]], threads: int) -> None:
        # Its pool of loaders wants two, whatever the machine has.
        os.environ["GPTQMODEL_CPU_WORKERS"] = str(max(2, threads))
        size = group_size(source, method)
        library: Any = import_module("gptqmodel")
        kinds: Any = import_module("gptqmodel.quantization")
        # With zero points, as the paper has them and vLLM's kernels expect them.
        how = {"quant_method": kinds.METHOD.AWQ, "format": kinds.FORMAT.GEMM, "sym": False} if method == "awq" else {}
        # Its faster packers are compiled on the spot, which takes longer than packing.
        settings = library.QuantizeConfig(bits=4, group_size=size, pack_impl="original", **how)
        model = library.GPTQModel.load(str(source), settings, device="cuda" if torch.cuda.is_available() else "cpu")
        calibration = [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in rows]
        model.quantize(calibration, batch_size=1)
        model.save(str(out))

    return quantize


def _by_bitsandbytes(settings: Callable[[], BitsAndBytesConfig]) -> Callable[[Path, Path, list[list[int]], int], None]:
    """LLM.int8 (Dettmers et al. 2022) and NF4 with double quantisation (Dettmers et al. 2023), by bitsandbytes."""

    def quantize(source: Path, out: Path, _rows: list[list[int]], _threads: int) -> None:
        model = AutoModelForCausalLM.from_pretrained(source, quantization_config=settings(), dtype=torch.float32)
        model.save_pretrained(out)
        AutoTokenizer.from_pretrained(source).save_pretrained(out)

    return quantize


METHODS: Mapping[str, Callable[[Path, Path, list[list[int]], int], None]] = {
    "gptq": _by_gptqmodel("gptq"),
    "awq": _by_gptqmodel("awq"),
    "nf4": _by_bitsandbytes(
        lambda: BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32
        )
    ),
    "int8": _by_bitsandbytes(lambda: BitsAndBytesConfig(load_in_8bit=True)),
}

if __name__ == "__main__":
    sys.exit(main())
