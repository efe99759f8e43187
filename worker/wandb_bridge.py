"""Weights & Biases, spoken to in lines of JSON: `python -m worker.wandb_bridge --folder DIR --mode offline`.

Needs the package wandb and nothing else of the worker's, so that it runs in an environment of its own. A line in is
`{"id", "do": "begin" | "log" | "end", …}`, a line out `{"id", "ok": true}` or `{"id", "ok": false, "message", "lasting"}`; the first
line out is `{"ready": true}`.
"""

import argparse
import glob
import json
import os
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

# Of wandb: a wrong key, or a name that it does not take, will be wrong the next time as well.
_LASTING = ("AuthenticationError", "UsageError")
# Less than the platform is patient with one question.
_INIT_SECONDS = 20


class Bridge:
    """The runs that are open in this process. What each was told of is kept in a journal of its own, which outlives it."""

    def __init__(self, folder: Path, mode: str) -> None:
        self._folder = folder
        self._mode = mode
        self._wandb: Any = import_module("wandb")
        self._runs: dict[str, Any] = {}

    def begin(self, run: dict[str, Any]) -> None:
        """Opens a run under its own id, once.

        Offline wandb writes a run when it is closed: of one whose process was killed there is half a folder, or none. So it is written
        anew from the journal, and a run is one folder however often the platform was restarted.
        """
        journal = self._journal(run["id"])
        if run["id"] in self._runs or journal.has_ended:
            return
        if self._mode == "offline":
            for left in (self._folder / "wandb").glob(f"offline-run-*-{glob.escape(run['id'])}"):
                shutil.rmtree(left)
        opened = self._wandb.init(
            project=run["project"], entity=run["entity"], name=run["name"], id=run["id"], tags=run["tags"], config=run["parameters"],
            mode=self._mode, dir=str(self._folder), resume="allow" if self._mode == "online" else None, reinit="create_new",
            settings=self._wandb.Settings(
                silent=True, x_disable_stats=True, console="off", disable_git=True, disable_code=True, init_timeout=_INIT_SECONDS
            ),
        )  # fmt: skip
        # The step is a figure, not the place in the history: a run that was taken up again says a step twice.
        opened.define_metric("train/*", step_metric="step")
        opened.define_metric("eval/*", step_metric="step")
        self._runs[run["id"]] = opened
        if self._mode == "offline":
            for figure in journal.figures:
                _log(opened, figure)

    def log(self, run: dict[str, Any], figures: list[dict[str, Any]]) -> None:
        """Figures that it was not told of yet."""
        journal = self._journal(run["id"])
        if journal.has_ended:
            return
        last = max((figure["seq"] for figure in journal.figures), default=0)
        fresh = [figure for figure in figures if figure["seq"] > last]
        journal.append(fresh)
        for figure in fresh:
            _log(self._runs[run["id"]], figure)

    def end(self, run: dict[str, Any], state: str, model: str | None, artifact: dict[str, Any] | None) -> None:
        """Closes a run, with its adapter as an artifact of the type model."""
        journal = self._journal(run["id"])
        if journal.has_ended:
            return
        opened = self._runs.pop(run["id"])
        opened.summary.update({"state": state, "model": model})
        if artifact is not None:
            kept = self._wandb.Artifact(f"adapter-{run['id']}", type="model")
            for name in artifact["files"]:
                kept.add_file(str(Path(artifact["folder"]) / name))
            opened.log_artifact(kept)
        opened.finish(exit_code=1 if state == "failed" else 0)
        journal.append([{"ended": state}])

    def close(self) -> None:
        """What is open is left to the next process."""
        for opened in self._runs.values():
            opened.finish()

    def _journal(self, run_id: str) -> "Journal":
        return Journal(self._folder / f"{run_id}.jsonl")


class Journal:
    """What a run was told of, a line each: figures, and its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            # What a crash left of one more line.
            os.truncate(path, len(whole))
        lines = [json.loads(line) for line in whole.splitlines()]
        self.has_ended = bool(lines) and "ended" in lines[-1]
        self.figures: list[dict[str, Any]] = [line for line in lines if "seq" in line]

    def append(self, lines: list[dict[str, Any]]) -> None:
        """On the disk when this returns."""
        with self._path.open("a") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())


def _log(opened: Any, figure: dict[str, Any]) -> None:
    opened.log({**figure["values"], "step": figure["step"]})


def main() -> int:
    """Answers line by line until its input ends."""
    parser = argparse.ArgumentParser(prog="python -m worker.wandb_bridge", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where runs are kept, and sent from")
    parser.add_argument("--mode", choices=["offline", "online"], required=True)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # Nothing of it outside the folder, and nothing but answers on standard output.
    os.environ.update({name: str(folder / "wandb-files") for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR")})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    bridge = Bridge(folder, arguments.mode)
    answers.write(json.dumps({"ready": True}) + "\n")
    answers.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        answer: dict[str, Any] = {"id": asked.pop("id"), "ok": True}
        try:
            getattr(bridge, {"begin": "begin", "log": "log", "end": "end"}[asked.pop("do")])(**asked)
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            answer = {**answer, "ok": False, "message": message[:500], "lasting": type(error).__name__ in _LASTING}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    bridge.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
