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
    # Scales the update by lora_alpha / sqrt(r) instead (rsLoRA, Kalajdzievski 2023): for a large r.
    use_rslora: bool
    # How A begins; B begins at 0. orthogonal: both do, in pairs that cancel out, so r is even.
    init_lora_weights: Literal["kaiming", "gaussian", "orthogonal"]
    # nf4 holds the frozen layers in four bits, with double quantisation (QLoRA, Dettmers et al. 2023): less memory, slower steps.
    quantization: Literal["nf4"] | None
    # Dropout on the input of A, while training.
    lora_dropout: Annotated[float, Field(ge=0, le=0.9)]
    # Names of the linear layers that get an update.
    target_modules: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    # Indices of the transformer layers that get an update; null is all of them.
    layers_to_transform: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None


Adapter = LoraAdapter


class SupervisedMethod(Shape):
    type: Literal["supervised"]


class DpoMethod(Shape):
    type: Literal["dpo"]
    # How closely the model keeps to its base: a larger one keeps closer.
    beta: Annotated[float, Field(le=2, gt=0)]
    # sigmoid is DPO; hinge SLiC (Zhao et al. 2023); ipo Azar et al. 2023; robust Chowdhury et al. 2024.
    loss_type: Literal["sigmoid", "hinge", "ipo", "robust"]
    # Share of the pairs that may be the wrong way round (Mitchell 2023), with sigmoid and robust.
    label_smoothing: Annotated[float, Field(ge=0, le=0.49)]
    # Weight of the next-token loss on the preferred answer (Pang et al. 2024); 0 is none.
    rpo_alpha: Annotated[float, Field(ge=0, le=10)]


class OrpoMethod(Shape):
    type: Literal["orpo"]
    # Weight of the odds ratio beside the next-token loss: lambda in the paper.
    beta: Annotated[float, Field(le=10, gt=0)]


class SimpoMethod(Shape):
    type: Literal["simpo"]
    # Scale of the reward.
    beta: Annotated[float, Field(le=20, gt=0)]
    # By how much the preferred reward should be the greater one.
    gamma: Annotated[float, Field(ge=0, le=20)]
    # Weight of the next-token loss on the preferred answer; 0 is none.
    sft_alpha: Annotated[float, Field(ge=0, le=10)]


class KtoMethod(Shape):
    type: Literal["kto"]
    # How closely the model keeps to its base: a larger one keeps closer.
    beta: Annotated[float, Field(le=2, gt=0)]
    # Weight of the loss of good answers.
    desirable_weight: Annotated[float, Field(le=100, gt=0)]
    # Weight of the loss of the others.
    undesirable_weight: Annotated[float, Field(le=100, gt=0)]


class StringCheckGrader(Shape):
    type: Literal["string_check"]
    # eq the same, ne another, like the reference is in the input, ilike in any case of letters.
    operation: Literal["eq", "ne", "like", "ilike"]
    # What is graded; {{sample.output_text}} is the answer of the model.
    input: str
    # What it is held against; {{item.reference}} is the answer of the row.
    reference: str
    # The reward is the weighted mean of all graders.
    weight: Annotated[float, Field(le=100, gt=0)]


class TextSimilarityGrader(Shape):
    type: Literal["text_similarity"]
    evaluation_metric: Literal["fuzzy_match", "rouge_1", "rouge_2", "rouge_l"]
    # What is graded; {{sample.output_text}} is the answer of the model.
    input: str
    # What it is held against; {{item.reference}} is the answer of the row.
    reference: str
    # The reward is the weighted mean of all graders.
    weight: Annotated[float, Field(le=100, gt=0)]


Grader = Annotated[
    StringCheckGrader
    | TextSimilarityGrader,
    Field(discriminator="type"),
]


class GrpoMethod(Shape):
    type: Literal["grpo"]
    graders: Annotated[list[Grader], Field(min_length=1, max_length=8)]
    # Answers to each prompt.
    num_generations: Annotated[int, Field(ge=2, le=64)]
    # An answer is cut here.
    max_completion_tokens: Annotated[int, Field(ge=1, le=4096)]
    # Weight of the divergence from the base model; 0 is none.
    beta: Annotated[float, Field(ge=0, le=2)]
    # Divides a reward's distance from the mean of its group by their standard deviation.
    scale_rewards: bool


Method = Annotated[
    SupervisedMethod
    | DpoMethod
    | OrpoMethod
    | SimpoMethod
    | KtoMethod
    | GrpoMethod,
    Field(discriminator="type"),
]


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
    # How chats are written: by the model's own template, or as ### Instruction, ### Input, ### Response.
    prompt_template: Literal["model", "instruction"]
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


ProbeOrigin = Literal["chosen", "validation", "training", "off_domain", "should_refuse", "asked"]


class ProbeMessage(Shape):
    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(min_length=1, max_length=100000)]


class Probe(Shape):
    id: str
    origin: ProbeOrigin
    messages: Annotated[list[ProbeMessage], Field(min_length=1)]
    # What a good answer would say; its loss is measured with every answer.
    reference: str | None


class ProbePlan(Shape):
    max_tokens: Annotated[int, Field(ge=1)]
    budget_share: Annotated[float, Field(ge=0, le=0.5)]
    # Whether the attempt picks probes: the first one of a run does.
    automatic: bool
    pinned: Annotated[list[Probe], Field(max_length=8)]
    # Pinned probes whose answer of the base model is stored.
    answered_base: list[str]


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
    # Jinja source to write chats with; null is the model's own.
    chat_template: str | None
    # Steps whose checkpoints are never removed: a person asked for them.
    kept_steps: list[Annotated[int, Field(ge=0)]]
    # null: nothing is asked of the model while it trains.
    probes: ProbePlan | None


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


class MeasureCommand(Shape):
    """Forks a process that times some steps of the job. Answer: ok, pid."""

    command: Literal["measure"]
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


class ScoreCommand(Shape):
    """Judges answers by the weights as trained, in a forked process of low priority: ScoreTask → ScoreResult. Answer when done: ok."""

    command: Literal["score"]
    task_file: str
    result_file: str


class ShutdownCommand(Shape):
    """Ends the worker once no job is left."""

    command: Literal["shutdown"]


WorkerCommand = Annotated[
    PingCommand
    | WarmCommand
    | TrainCommand
    | MeasureCommand
    | KillCommand
    | ConvertCommand
    | ScoreCommand
    | ShutdownCommand,
    Field(discriminator="command"),
]


class WorkerControl(Shape):
    # stop: the weights as they are become the final adapter.
    action: Literal["pause", "cancel", "stop"] | None
    # A number above the last one carried out asks for a checkpoint that is never removed; 0 asks for none.
    keep: Annotated[int, Field(ge=0)]


class WorkerQuestion(Shape):
    probe: Probe
    # Unix time in seconds.
    asked_at: float


class WorkerProbes(Shape):
    # Added since the attempt began.
    pinned: list[Probe]
    # Ids of pinned probes that are no longer answered, wherever they came from.
    removed: list[str]
    # Oldest first.
    questions: list[WorkerQuestion]


ProbeLane = Literal["base", "checkpoint", "live"]


class ProbeAnswer(Shape):
    probe_id: str
    lane: ProbeLane
    # Optimiser steps done; 0 for base.
    step: Annotated[int, Field(ge=0)]
    text: str
    tokens: Annotated[int, Field(ge=0)]
    finish_reason: Literal["stop", "length"]
    # Mean over the tokens of the reference, in nats; null without one.
    reference_loss: float | None
    # From the beginning of the answer to its first token.
    first_token_seconds: Annotated[float, Field(ge=0)]
    # From its beginning to its end; answers made together share this time.
    seconds: Annotated[float, Field(ge=0)]
    # Of a question asked once: from its arrival to the first token.
    waited_seconds: Annotated[float, Field(ge=0)] | None


class ProbeDelta(Shape):
    probe_id: str
    lane: ProbeLane
    step: Annotated[int, Field(ge=0)]
    # What follows the text so far; empty while it waits.
    text: str
    state: Literal["waiting", "answering"]
    done: bool
    waited_seconds: Annotated[float, Field(ge=0)] | None


class WorkerExit(Shape):
    pid: int
    exit_code: int | None
    signal: int | None
    peak_memory_bytes: int | None


class WorkerEnvironment(Shape):
    python: str
    # Name → version of every library that touches a number.
    packages: dict[str, str]
    # Operating system, release and machine type.
    system: str
    processor: str
    cores: int
    memory_bytes: int
    gpus: list[str]


class Evaluation(Shape):
    # In nats: mean over trained tokens, or over rows where a method compares whole answers.
    loss: float
    perplexity: float
    mean_token_accuracy: Annotated[float, Field(ge=0, le=1)]
    # rewards/margins, rewards/accuracies, logps/chosen … by the method; empty where the loss says all.
    metrics: dict[str, float]


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


class EnvironmentRecordedEvent(Shape):
    """Once an attempt, after data-checked: what a receipt needs to know."""

    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["environment-recorded"]
    environment: WorkerEnvironment
    # Of the file as the worker read it.
    training_sha256: str
    validation_sha256: str | None
    validation_rows: Annotated[int, Field(ge=0)]


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
    # rewards/margins, rewards/accuracies, logps/chosen … by the method; empty where the loss says all.
    metrics: dict[str, float]


class RunEvaluatedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-evaluated"]
    step: int
    # In nats: mean over trained tokens, or over rows where a method compares whole answers.
    loss: float
    perplexity: float
    mean_token_accuracy: Annotated[float, Field(ge=0, le=1)]
    # rewards/margins, rewards/accuracies, logps/chosen … by the method; empty where the loss says all.
    metrics: dict[str, float]


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
    # Asked for by a person: it is never removed to make room.
    kept: bool


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
    # A person asked for it before the last step.
    stopped_early: bool


class ProbeAddedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["probe-added"]
    probe: Probe


class ProbeRemovedEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["probe-removed"]
    probe_id: str
    # Why it cannot be answered.
    reason: str


class ProbeAnsweredEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["probe-answered"]
    probe_id: str
    lane: ProbeLane
    # Optimiser steps done; 0 for base.
    step: Annotated[int, Field(ge=0)]
    text: str
    tokens: Annotated[int, Field(ge=0)]
    finish_reason: Literal["stop", "length"]
    # Mean over the tokens of the reference, in nats; null without one.
    reference_loss: float | None
    # From the beginning of the answer to its first token.
    first_token_seconds: Annotated[float, Field(ge=0)]
    # From its beginning to its end; answers made together share this time.
    seconds: Annotated[float, Field(ge=0)]
    # Of a question asked once: from its arrival to the first token.
    waited_seconds: Annotated[float, Field(ge=0)] | None


class ProbeRoundEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["probe-round"]
    step: Annotated[int, Field(ge=0)]
    # Of the wall time of the attempt so far that probes took.
    share: float
    # Steps until the budget allows the next round.
    interval_steps: Annotated[int, Field(ge=1)]
    # That this round took.
    seconds: float


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


class StepMeasuredEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["step-measured"]
    # 1, 2, 3 … of the measurement.
    step: Annotated[int, Field(ge=1)]
    # How many are to be measured, time allowing.
    steps: Annotated[int, Field(ge=1)]
    # Multiplications, counted from the shapes of its batches.
    work: float
    # From the end of the step before to its own.
    seconds: float
    # Of all threads of the process.
    cpu_seconds: float


class RunMeasuredEvent(Shape):
    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["run-measured"]
    # Estimates are corrected by earlier runs of the same machine only.
    machine: str
    measured_steps: Annotated[int, Field(ge=1)]
    # Of the measurement.
    seconds: float
    threads: Annotated[int, Field(ge=1)]
    # Cores that other processes kept busy meanwhile.
    other_load: Annotated[float, Field(ge=0)]
    # Rows read and checked, trainer built, and what the first step takes above the others.
    start_seconds: float
    # All steps of the schedule.
    step_seconds: float
    # The same in CPU seconds of all threads.
    step_cpu_seconds: float
    # Standard deviation of the logarithm of measured over fitted step seconds.
    spread: Annotated[float, Field(ge=0)]
    evaluations: Annotated[int, Field(ge=0)]
    # All of them.
    evaluation_seconds: float
    # Checkpoints, and the adapter at the end.
    saves: Annotated[int, Field(ge=1)]
    # All of them.
    save_seconds: float
    # Of the measurement, whose batches include the largest.
    peak_memory_bytes: int
    # What a whole run keeps in memory beyond that: states of frozen layers, by row.
    kept_bytes: Annotated[int, Field(ge=0)]
    memory_limit_bytes: int


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
    | EnvironmentRecordedEvent
    | RunStepEvent
    | RunEvaluatedEvent
    | CheckpointSavedEvent
    | CheckpointRemovedEvent
    | RunPausedEvent
    | RunCancelledEvent
    | RunEndedEvent
    | ProbeAddedEvent
    | ProbeRemovedEvent
    | ProbeAnsweredEvent
    | ProbeRoundEvent
    | RunFailedEvent
    | StepMeasuredEvent
    | RunMeasuredEvent
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


class ScorePrompt(Shape):
    # role and content of each.
    messages: Annotated[list[dict[str, str]], Field(min_length=1)]
    # What the engine answered, place by place; may be empty.
    answer: list[Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]]


class ScoreTask(Shape):
    model_dir: str
    # Folder with adapter_config.json and adapter_model.safetensors.
    adapter_dir: str
    # Jinja source that training wrote chats with; null is the model's own.
    chat_template: str | None
    threads: Annotated[int, Field(ge=1)]
    prompts: Annotated[list[ScorePrompt], Field(min_length=1)]


class ScoredPlace(Shape):
    # Of the ids of this place in the task, in nats.
    logprobs: list[float]
    # Its own two likeliest tokens, best first.
    best: list[int]
    best_logprobs: list[float]
    # Whether its likeliest token ends the answer.
    ends: bool


class ScoredPrompt(Shape):
    # The messages by the chat template and tokenizer that training used.
    prompt_ids: list[int]
    # One more than the answer has: the last is the place behind it.
    places: list[ScoredPlace]


class ScoreResult(Shape):
    prompts: list[ScoredPrompt]
    seconds: float
