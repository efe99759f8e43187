"""llama.cpp's own server without us: a process that answers the prompts on its input, with what that cost it."""

import json
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import xllamacpp  # pyright: ignore[reportMissingImports]


def open_server(setting: dict[str, Any]) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = setting["modelFile"]
    params.n_parallel = setting["slots"]
    params.n_ctx = setting["slots"] * setting["context"]
    params.cpuparams.n_threads = setting["threads"]
    params.cpuparams_batch.n_threads = setting["threads"]
    params.verbosity = -1
    return xllamacpp.Server(params)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    setting = json.loads(sys.argv[1])
    server = open_server(setting)
    fixed = {"max_tokens": setting["length"], "temperature": 0, "ignore_eos": True}
    print(json.dumps("ready"), flush=True)
    with ThreadPoolExecutor(setting["slots"]) as pool:
        for line in sys.stdin:
            before = cpu_seconds()
            answers = list(pool.map(lambda prompt: server.handle_completions({"prompt": prompt, **fixed}), json.loads(line)))
            tokens = sum(answer["usage"]["completion_tokens"] for answer in answers)
            print(json.dumps({"tokens": tokens, "cpuSeconds": cpu_seconds() - before}), flush=True)


main()
