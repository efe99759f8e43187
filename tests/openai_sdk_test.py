"""The official PyPI client, unmodified: upload, job, events, chat with the tuned model, delete.

Runs against a platform that is already there, with the demo model pulled: TUNELOOP_TEST_URL and TUNELOOP_TEST_KEY name it, as
the whole-path tests do. Without them the tests are skipped.
"""

import json
import os
import time

import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI, PermissionDeniedError

URL = os.environ.get("TUNELOOP_TEST_URL")
KEY = os.environ.get("TUNELOOP_TEST_KEY")
BASE_MODEL = "smollm2-135m-instruct"
# A training run of a few steps on two cores takes well under a minute.
LONGEST_RUN_SECONDS = 300

pytestmark = pytest.mark.skipif(not URL or not KEY, reason="TUNELOOP_TEST_URL and TUNELOOP_TEST_KEY name no platform")


@pytest.fixture(scope="module")
def client() -> OpenAI:
    return OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)


def rows(count: int) -> bytes:
    def row(index: int) -> str:
        question = {"role": "user", "content": f"What colour is door number {index}?"}
        answer = {"role": "assistant", "content": "Every door here is green."}
        return json.dumps({"messages": [question, answer]})

    return "\n".join(row(index) for index in range(count)).encode() + b"\n"


def test_the_whole_path_from_upload_to_delete(client: OpenAI) -> None:
    file = client.files.create(file=("doors.jsonl", rows(12)), purpose="fine-tune")
    assert client.files.content(file.id).read() == rows(12)
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    job = client.fine_tuning.jobs.create(model=BASE_MODEL, training_file=file.id, suffix="doors", seed=3, method=method)
    assert job.status in ("validating_files", "queued", "running")
    deadline = time.monotonic() + LONGEST_RUN_SECONDS
    while job.status not in ("succeeded", "failed", "cancelled"):
        assert time.monotonic() < deadline, f"the job is still {job.status}"
        time.sleep(0.2)
        job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded", job.error
    assert job.fine_tuned_model is not None
    assert job.trained_tokens is not None and job.trained_tokens > 0
    assert job.hyperparameters.n_epochs == 2
    assert job.hyperparameters.batch_size != "auto", "what was left to the platform is written back"

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=5))
    assert len({event.id for event in events}) == len(events)
    assert any(event.type == "metrics" for event in events)
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id))
    assert checkpoints
    assert job.fine_tuned_model in {model.id for model in client.models.list()}

    question = [{"role": "user", "content": "What colour is door number 40?"}]
    for model in (job.fine_tuned_model, checkpoints[0].fine_tuned_model_checkpoint):
        answer = client.chat.completions.create(model=model, messages=question, max_tokens=16, temperature=0)
        assert answer.model == model
        assert answer.choices[0].message.content
        assert answer.usage is not None and answer.usage.completion_tokens > 0
    chunks = client.chat.completions.create(model=job.fine_tuned_model, messages=question, max_tokens=16, temperature=0, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert client.models.delete(job.fine_tuned_model).deleted
    with pytest.raises(NotFoundError) as missing:
        client.chat.completions.create(model=job.fine_tuned_model, messages=question)
    assert missing.value.code == "model_not_found"
    assert client.files.delete(file.id).deleted


def test_rows_that_cannot_be_trained_on_are_all_named(client: OpenAI) -> None:
    bad = rows(2) + b'{"messages": []}\n' + rows(1) + b"not json\n"
    file = client.files.create(file=("bad.jsonl", bad), purpose="fine-tune")
    with pytest.raises(BadRequestError) as refused:
        client.fine_tuning.jobs.create(model=BASE_MODEL, training_file=file.id)
    assert refused.value.code == "invalid_training_file"
    assert "3" in refused.value.message and "5" in refused.value.message
    client.files.delete(file.id)


def test_errors_come_as_the_class_of_their_status(client: OpenAI) -> None:
    with pytest.raises(AuthenticationError):
        OpenAI(base_url=f"{URL}/v1", api_key="sk-tl-nobody", max_retries=0).models.list()
    with pytest.raises(NotFoundError) as missing:
        client.files.retrieve("file-none")
    assert missing.value.request_id is not None and missing.value.request_id.startswith("req_")
    with pytest.raises(PermissionDeniedError):
        client.models.delete(BASE_MODEL)


def test_files_are_listed_page_by_page(client: OpenAI) -> None:
    made = [client.files.create(file=(f"{index}.jsonl", rows(1)), purpose="evals").id for index in range(3)]
    listed = [file.id for file in client.files.list(purpose="evals", limit=2)]
    assert [file_id for file_id in listed if file_id in made] == made[::-1]
    for file_id in made:
        client.files.delete(file_id)


def test_a_stream_can_be_left(client: OpenAI) -> None:
    question = [{"role": "user", "content": "Count to one hundred."}]
    with client.chat.completions.create(model=BASE_MODEL, messages=question, stream=True) as chunks:
        first = next(iter(chunks))
    assert first.choices[0].delta.role == "assistant"
