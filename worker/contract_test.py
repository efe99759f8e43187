"""The worker's models against the contract's example files: both languages read the same wire."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from worker import contract

EXAMPLES = Path(__file__).parent.parent / "contract" / "examples"
SHAPES = [path.stem for path in sorted(EXAMPLES.glob("*.json")) if hasattr(contract, path.stem)]


def example(shape: str, index: int = 0) -> dict:
    return json.loads((EXAMPLES / f"{shape}.json").read_text())[index]


def test_every_shape_of_the_worker_has_examples() -> None:
    roots = {"TrainingJob", "WorkerCommand", "WorkerControl", "WorkerExit", "WorkerEvent", "ArtifactManifest"}
    assert roots <= set(SHAPES)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_example_is_read_and_written_back_unchanged(shape: str) -> None:
    adapter = TypeAdapter(getattr(contract, shape))
    for value in json.loads((EXAMPLES / f"{shape}.json").read_text()):
        parsed = adapter.validate_json(json.dumps(value))
        assert json.loads(adapter.dump_json(parsed)) == value


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        contract.Evaluation.model_validate(example("Evaluation") | {"accuracy": 1})


def test_a_missing_key_is_refused_for_the_worker_invents_nothing() -> None:
    settings = example("TrainingSettings")
    del settings["learning_rate"]
    with pytest.raises(ValidationError, match="learning_rate"):
        contract.TrainingSettings.model_validate(settings)


def test_text_is_not_read_as_a_number() -> None:
    with pytest.raises(ValidationError, match="int_type"):
        contract.TrainingJob.model_validate(example("TrainingJob") | {"attempt": "1"})


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_never_becomes_an_event(loss: float) -> None:
    with pytest.raises(ValidationError, match="finite_number"):
        contract.Evaluation.model_validate(example("Evaluation") | {"loss": loss})


def test_a_number_out_of_its_range_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater_than_equal"):
        contract.LoraAdapter.model_validate(example("LoraAdapter") | {"r": 0})
