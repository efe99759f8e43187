"""Tests of python_grader.py and sandboxed.py. The sandbox is a plain Python here: that it keeps code in is the operator's part."""

import shutil
import subprocess
import sys

import pytest

from worker import python_grader
from worker.failures import WorkerError
from worker.fill_template import Sample
from worker.python_grader import grade_in_sandbox

PYTHON = [sys.executable]
SAMPLES = [Sample('{"n": 3}', {"answer": 3}), Sample("four", {"answer": 4})]
# The one of docs/training.md.
BWRAP = [
    "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--ro-bind", "/usr", "/usr",
    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
    "/usr/bin/python3",
]  # fmt: skip


def test_code_is_handed_the_answer_and_the_row_and_says_a_score() -> None:
    source = """
def grade(sample, item):
    read = sample["output_json"]
    return read["n"] / item["answer"] if read else len(sample["output_text"])
"""
    assert grade_in_sandbox(PYTHON, source, SAMPLES) == [1.0, 4.0]


def test_an_answer_on_which_the_code_fails_has_no_score_and_the_log_says_where(capfd: pytest.CaptureFixture[str]) -> None:
    source = "def grade(sample, item):\n    print('beside the point')\n    return sample['output_json']['n']"
    assert grade_in_sandbox(PYTHON, source, SAMPLES) == [3.0, None]
    assert "1 of 2 answers have no score; the first: line 3: TypeError: 'NoneType' object is not subscriptable" in capfd.readouterr().err


@pytest.mark.parametrize("said", ["float('nan')", "'much'", "None"])
def test_what_is_no_number_is_no_score(said: str) -> None:
    assert grade_in_sandbox(PYTHON, f"def grade(sample, item):\n    return {said}", SAMPLES) == [None, None]


def test_code_that_ends_its_sandbox_costs_one_answer_its_score() -> None:
    source = "import os\ndef grade(sample, item):\n    return 1 if item['answer'] == 4 else os._exit(3)"
    assert grade_in_sandbox(PYTHON, source, SAMPLES) == [None, 1.0]


def test_code_that_does_not_end_is_ended() -> None:
    source = "def grade(sample, item):\n    while item['answer'] == 3:\n        try: pass\n        except Exception: pass\n    return 1"
    assert grade_in_sandbox(PYTHON, source, SAMPLES) == [None, 1.0]


def test_a_sandbox_that_does_not_let_itself_be_ended_is_ended_with_all_that_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_grader, "_START_SECONDS", 2)
    monkeypatch.setattr(python_grader, "_ANSWER_SECONDS", 0)
    wrapped = ["sh", "-c", '"$@"; exit', "sh", *PYTHON]
    source = "import signal, time\ndef grade(sample, item):\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    time.sleep(600)"
    assert grade_in_sandbox(wrapped, source, SAMPLES[:1]) == [None]


def test_code_sees_nothing_of_the_environment_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNELOOP_KEY", "sk-secret")
    source = "import os\ndef grade(sample, item):\n    return float('TUNELOOP_KEY' in os.environ)"
    assert grade_in_sandbox(PYTHON, source, SAMPLES[:1]) == [0.0]


@pytest.mark.parametrize(
    ("command", "source", "message"),
    [
        ([], "def grade(sample, item): return 1", "TUNELOOP_GRADER_SANDBOX"),
        (["/nowhere/python"], "def grade(sample, item): return 1", "cannot be started"),
        (["false"], "def grade(sample, item): return 1", "said nothing and ended with 1"),
        (PYTHON, "def grade(sample, item)\n    return 1", "line 1: SyntaxError"),
        (PYTHON, "import nothing_of_the_kind", "line 1: ModuleNotFoundError"),
        (PYTHON, "score = 1", "there is no function grade"),
    ],
)
def test_what_cannot_be_run_at_all_ends_the_run_with_the_reason(command: list[str], source: str, message: str) -> None:
    with pytest.raises(WorkerError, match=message):
        grade_in_sandbox(command, source, SAMPLES)


def _has_namespaces() -> bool:
    return shutil.which("bwrap") is not None and subprocess.run([*BWRAP, "-c", "pass"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _has_namespaces(), reason="bubblewrap is not installed, or may not make namespaces here")
def test_the_sandbox_of_the_docs_has_no_files_of_ours_no_network_and_no_way_to_write() -> None:
    source = f"""
import os, socket

def fails(action):
    try:
        action()
    except OSError:
        return 1
    return 0

def grade(sample, item):
    return (
        fails(lambda: open({__file__!r}))
        + fails(lambda: socket.create_connection(("192.0.2.1", 9), timeout=1))
        + fails(lambda: open("/usr/written", "w"))
        + (os.environ.get("HOME") is None)
    )
"""
    assert grade_in_sandbox(BWRAP, source, SAMPLES[:1]) == [4.0]
