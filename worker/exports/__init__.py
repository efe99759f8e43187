"""The forms that a model is exported in. A new one: its file beside these, and a line here."""

from collections.abc import Mapping
from functools import partial

from worker.exports import gguf_file, quantized_folder, safetensors_folder
from worker.exports.form import Form

FORMS: Mapping[str, Form] = {
    "safetensors": Form(("merging", "writing", "checking"), safetensors_folder.write),
    "gguf-f16": Form(("merging", "writing", "converting", "checking"), partial(gguf_file.write, kind="F16")),
    "gguf-q8_0": Form(("merging", "writing", "converting", "quantizing", "checking"), partial(gguf_file.write, kind="Q8_0")),
    "gguf-q4_k_m": Form(("merging", "writing", "converting", "quantizing", "checking"), partial(gguf_file.write, kind="Q4_K_M")),
    "gptq-int4": Form(("merging", "writing", "quantizing", "checking"), partial(quantized_folder.write, method="gptq")),
    "awq-int4": Form(("merging", "writing", "quantizing", "checking"), partial(quantized_folder.write, method="awq")),
    "bnb-nf4": Form(("merging", "writing", "quantizing", "checking"), partial(quantized_folder.write, method="nf4")),
    "bnb-int8": Form(("merging", "writing", "quantizing", "checking"), partial(quantized_folder.write, method="int8")),
}
