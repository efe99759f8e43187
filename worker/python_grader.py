"""Graders of type python: code that came with a job. It runs in the sandbox that the operator named, never in this process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from worker.failures import WorkerError
from worker.fill_template import Sample

# Until an interpreter stands; in a container that takes seconds.
_START_SECONDS = 60
# The sandbox ends an answer that takes longer than 5; this ends what does not let itself be ended.
_ANSWER_SECONDS = 6


def grade_in_sandbox(command: Sequence[str], source: str, samples: Sequence[Sample]) -> list[float | None]:
    """What `grade(sample, item)` of the source says of each; None where it fails, which is told in the log of the run.

    Raises WorkerError('config_error') where there is no sandbox, or it cannot be started.
    """
    if not command:
        raise WorkerError(
            "config_error", "A Python grader needs a sandbox: the operator of the server names one in TUNELOOP_GRADER_SANDBOX."
        )
    scores: list[float | None] = []
    while len(scores) < len(samples):
        found = _run(command, source, samples[len(scores) :])
        # An answer that ended the sandbox has no score; those after it are graded in a new one.
        scores += found if found else [None]
    return scores[: len(samples)]


def _run(command: Sequence[str], source: str, samples: Sequence[Sample]) -> list[float | None]:
    """Of as many as the sandbox got through."""
    lines = [{"source": source}, *({"sample": _sample(sample.text), "item": sample.item} for sample in samples)]
    program = Path(__file__).with_name("sandboxed.py").read_text()
    try:
        process = subprocess.Popen(
            [*command, "-I", "-c", program],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin"}, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise WorkerError("config_error", f"The sandbox of TUNELOOP_GRADER_SANDBOX cannot be started: {error}") from error
    try:
        said, _ = process.communicate("".join(json.dumps(line) + "\n" for line in lines), _START_SECONDS + _ANSWER_SECONDS * len(samples))
    except subprocess.TimeoutExpired:
        # All that it started: one that is left holds the pipe open.
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    told = [_read(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]
    if not told:
        message = f"The sandbox of TUNELOOP_GRADER_SANDBOX said nothing and ended with {process.returncode}: {' '.join(command)}"
        raise WorkerError("config_error", message)
    if "ready" not in told[0]:
        raise WorkerError("config_error", f"The Python grader cannot be loaded: {told[0].get('error')}")
    errors = [answer["error"] for answer in told[1:] if "error" in answer]
    if errors:
        sys.stderr.write(f"python grader: {len(errors)} of {len(samples)} answers have no score; the first: {errors[0]}\n")
    return [answer.get("score") for answer in told[1:]]


def _read(line: str) -> dict[str, Any]:
    """Code may find the way out that scores take; it only spoils its own."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"error": f"what it said is no score: {line[:200].strip()}"}


def _sample(text: str) -> dict[str, Any]:
    """An answer as OpenAI's graders are handed it."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    return {"output_text": text, "output_json": parsed, "output_tools": [], "choices": []}
