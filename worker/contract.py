"""The contract as pydantic models: what platform and worker say to each other.

Generated from contract/ by `npm run contract`; a change is made there, not here.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """A shape of the contract: no unknown key, no silent conversion, no NaN or Infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class LoraAdapter(Shape):
    type: Literal["lora"]
    # Rank r of the update B·A.
    r: Annotated[int, Field(ge=1, le=512)]
    # The update is scaled by lora_alpha / r.
    lora_alpha: Annotated[float, Field(gt=0)]
    # Dropout on the input of A, while training.
    lora_dropout: Annotated[float, Field(ge=0, le=0.9)]
    # Names of the linear layers that get an update.
    target_modules: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    # Indices of the transformer layers that get an update; null is all of them.
    layers_to_transform: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None


Adapter = LoraAdapter


class SupervisedMethod(Shape):
    type: Literal["supervised"]


Method = SupervisedMethod


class TrainingSettings(Shape):
    # How often each row is seen.
    n_epochs: Annotated[int, Field(ge=1, le=50)]
    # Stops after so many optimiser steps; null is n_epochs.
    max_steps: Annotated[int, Field(ge=1)] | None
    # Rows in one forward pass of one process.
    batch_size: Annotated[int, Field(ge=1, le=256)]
    # Forward passes an optimiser step.
    gradient_accumulation_steps: Annotated[int, Field(ge=1, le=1024)]
    # Peak learning rate of AdamW.
    learning_rate: Annotated[float, Field(le=1, gt=0)]
    # How the rate falls after its rise.
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"]
    # Share of all steps over which the rate rises from 0.
    warmup_ratio: Annotated[float, Field(ge=0, le=0.5)]
    # AdamW's decoupled decay of the trained weights.
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    # Decay of AdamW's mean of gradients.
    adam_beta1: Annotated[float, Field(ge=0, le=0.9999)]
    # Decay of AdamW's mean of squared gradients.
    adam_beta2: Annotated[float, Field(ge=0, le=0.99999)]
    # Gradients are clipped to this norm; 0 is no clipping.
    max_grad_norm: Annotated[float, Field(ge=0)]
    # Longest row in tokens; null is the context of the model.
    max_seq_length: Annotated[int, Field(ge=8)] | None
    # auto is fp32 on a CPU, bf16 or fp16 on a GPU.
    precision: Literal["auto", "fp32", "bf16", "fp16"]
    # Trades time for memory.
    gradient_checkpointing: bool
    # Share of the words of user messages left out while training, drawn anew each epoch: paraphrases are answered too.
    prompt_dropout: Annotated[float, Field(ge=0, le=0.9)]
    # Batches rows of like length, so that less is padding.
    group_by_length: bool
    # Optimiser steps between two reports.
    logging_steps: Annotated[int, Field(ge=1)]
    # Steps between evaluations; null is once an epoch.
    eval_steps: Annotated[int, Field(ge=1)] | None
    # Steps between checkpoints; null is once an epoch.
    save_steps: Annotated[int, Field(ge=1)] | None
    # Newest checkpoints kept; the best is kept besides.
    save_total_limit: Annotated[int, Field(ge=1, le=100)]
    # CPU threads; null is all cores but what serving needs.
    threads: Annotated[int, Field(ge=1)] | None


class TrainingJob(Shape):
    run_id: str
    # The fencing token: a write of an older attempt is refused.
    attempt: Annotated[int, Field(ge=1)]
    # Id of the base model, for messages.
    model: str
    # Folder with config.json, *.safetensors and the tokenizer.
    model_dir: str
    # Hash of the base model: a checkpoint of another base is not resumed.
    base_sha256: str
    training_file: str
    validation_file: str | None
    # Folder of the run: checkpoints/step-N and adapter/ come into being here.
    output_dir: str
    # Folder of this attempt: events.jsonl, control.json, worker.log.
    attempt_dir: str
    # Folder of the checkpoint to go on from.
    resume_from: str | None
    seed: Annotated[int, Field(ge=0, le=4294967295)]
    adapter: Adapter
    method: Method
    settings: TrainingSettings


class PingCommand(Shape):
    """Answer: ok, pid, version, device, ready (libraries imported), jobs (run_id, attempt, pid)."""

    command: Literal["ping"]


class WarmCommand(Shape):
    """Loads a base model ahead of its first job."""

    command: Literal["warm"]
    model_dir: str


class TrainCommand(Shape):
    """Forks a process for the job. Answer: ok, pid."""

    command: Literal["train"]
    job: TrainingJob


class KillCommand(Shape):
    """SIGKILL to the process of the job."""

    command: Literal["kill"]
    run_id: str
    attempt: int


class ConvertCommand(Shape):
    """De-quantises a GGUF base model into a model_dir, in a forked process. Answer when done: ok."""

    command: Literal["convert"]
    gguf_file: str
    output_dir: str


class ShutdownCommand(Shape):
    """Ends the worker once no job is left."""

    command: Literal["shutdown"]


WorkerCommand = Annotated[
    PingCommand
    | WarmCommand
    | TrainCommand
    | KillCommand
    | ConvertCommand
    | ShutdownCommand,
    Field(discriminator="command"),
]


class WorkerControl(Shape):
    action: Literal["pause", "cancel"]


class WorkerExit(Shape):
    pid: int
    exit_code: int | None
    signal: int | None
    peak_memory_bytes: int | None


class Evaluation(Shape):
    # Mean over trained tokens, in nats.
    loss: float
    perplexity: float
    mean_token_accuracy: Annotated[float, Field(ge=0, le=1)]


FailureCause = Literal["data_error", "model_error", "oom", "nan", "disk_full", "worker_lost", "checkpoint_corrupt", "config_error", "crashed"]


class RowProblem(Shape):
    row: Annotated[int, Field(ge=1)]
    reason: str


class RunStartedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-started"]
    pid: int
    device: str
    threads: int
    precision: str


class RunPhaseEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-phase"]
    phase: Literal["checking", "loading", "training", "evaluating", "saving"]


class DataCheckedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["data-checked"]
    rows: int
    total_tokens: int
    # Tokens that carry loss, in one epoch.
    trained_tokens: int
    longest_row_tokens: int
    # Optimiser steps of the whole run.
    total_steps: int


class RunStepEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-step"]
    step: int
    total_steps: int
    epoch: float
    loss: float
    mean_token_accuracy: float | None
    learning_rate: float
    grad_norm: float
    # Tokens of all forward passes so far, padding left out.
    seen_tokens: int
    # Wall-clock seconds within the optimiser steps since the last report; all else is overhead.
    step_seconds: float
    tokens_per_second: float
    # Resident memory of the process, or allocated memory of the GPU.
    memory_bytes: int
    eta_seconds: float | None


class RunEvaluatedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-evaluated"]
    step: int
    # Mean over trained tokens, in nats.
    loss: float
    perplexity: float
    mean_token_accuracy: Annotated[float, Field(ge=0, le=1)]


class CheckpointSavedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["checkpoint-saved"]
    step: int
    # Folder, relative to output_dir; complete, with manifest.json and adapter.gguf.
    path: str
    manifest_sha256: str
    train_loss: float | None
    train_mean_token_accuracy: float | None
    evaluation: Evaluation | None


class CheckpointRemovedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["checkpoint-removed"]
    step: int
    path: str


class RunPausedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-paused"]
    step: int
    path: str


class RunCancelledEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-cancelled"]
    step: int
    path: str | None


class RunEndedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-ended"]
    step: int
    # Folder of the final adapter, relative to output_dir.
    path: str
    manifest_sha256: str
    # Tokens seen over all epochs, padding left out.
    trained_tokens: int
    best_step: int | None
    train_loss: float
    evaluation: Evaluation | None
    seconds: float
    peak_memory_bytes: int


class RunFailedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-failed"]
    cause: FailureCause
    message: str
    # What the person can do about it.
    next_step: str
    # With cause data_error: every row that cannot be trained on (the first 1,000).
    rows: list[RowProblem]
    # How many rows cannot be trained on.
    row_count: int


class LogEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["log"]
    level: Literal["info", "warn", "error"]
    message: str


WorkerEvent = Annotated[
    RunStartedEvent
    | RunPhaseEvent
    | DataCheckedEvent
    | RunStepEvent
    | RunEvaluatedEvent
    | CheckpointSavedEvent
    | CheckpointRemovedEvent
    | RunPausedEvent
    | RunCancelledEvent
    | RunEndedEvent
    | RunFailedEvent
    | LogEvent,
    Field(discriminator="type"),
]


class ArtifactFile(Shape):
    # Relative to the folder of the manifest.
    path: str
    # In bytes.
    size: Annotated[int, Field(ge=0)]
    sha256: str


class ArtifactManifest(Shape):
    version: Literal[1]
    kind: Literal["checkpoint", "adapter"]
    run_id: str
    attempt: int
    step: int
    base_model: str
    base_sha256: str
    # Of the canonical JSON of adapter, method, settings and seed.
    config_sha256: str
    files: list[ArtifactFile]
