"""The contract as pydantic models: what platform and worker say to each other.

Generated from contract/ by `npm run contract`; a change is made there, not here.
"""

from typing import Annotated, Any, Literal

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
    # Learns the length of each column of W beside its direction (DoRA, Liu et al. 2024).
    use_dora: bool
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


class FullAdapter(Shape):
    type: Literal["full"]


class Ia3Adapter(Shape):
    type: Literal["ia3"]
    # Names of the linear layers that get a vector.
    target_modules: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    # Those of them whose input is scaled; of the others it is the output.
    feedforward_modules: list[Annotated[str, Field(min_length=1)]]


class PromptTuningAdapter(Shape):
    type: Literal["prompt_tuning"]
    # Learnt tokens before every text; the context of the model is shorter by as many.
    num_virtual_tokens: Annotated[int, Field(ge=1, le=512)]
    # They begin as the embeddings of these words, repeated or cut to their number; null is at random.
    prompt_tuning_init_text: Annotated[str, Field(min_length=1)] | None


class PrefixTuningAdapter(Shape):
    type: Literal["prefix_tuning"]
    # Learnt tokens before every text; the context of the model is shorter by as many.
    num_virtual_tokens: Annotated[int, Field(ge=1, le=512)]
    # Learns them through a network of two layers, which is left out afterwards.
    prefix_projection: bool


class AdaptionPromptAdapter(Shape):
    type: Literal["adaption_prompt"]
    # Learnt tokens of a layer.
    adapter_len: Annotated[int, Field(ge=1, le=512)]
    # How many layers have them, from the top.
    adapter_layers: Annotated[int, Field(ge=1)]


Adapter = Annotated[
    LoraAdapter
    | FullAdapter
    | Ia3Adapter
    | PromptTuningAdapter
    | PrefixTuningAdapter
    | AdaptionPromptAdapter,
    Field(discriminator="type"),
]


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
    # What it is held against; {{item.…}} is a field of the row, {{item.reference}} its answer.
    reference: str
    # The reward is the weighted mean of all graders.
    weight: Annotated[float, Field(le=100, gt=0)]


class TextSimilarityGrader(Shape):
    type: Literal["text_similarity"]
    evaluation_metric: Literal["fuzzy_match", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"]
    # What is graded; {{sample.output_text}} is the answer of the model.
    input: str
    # What it is held against; {{item.…}} is a field of the row, {{item.reference}} its answer.
    reference: str
    # The reward is the weighted mean of all graders.
    weight: Annotated[float, Field(le=100, gt=0)]


Grader = Annotated[
    StringCheckGrader
    | TextSimilarityGrader,
    Field(discriminator="type"),
]


class StringCheckRule(Shape):
    type: Literal["string_check"]
    # eq the same, ne another, like the reference is in the input, ilike in any case of letters.
    operation: Literal["eq", "ne", "like", "ilike"]
    # What is graded; {{sample.output_text}} is the answer of the model.
    input: str
    # What it is held against; {{item.…}} is a field of the row, {{item.reference}} its answer.
    reference: str


class TextSimilarityRule(Shape):
    type: Literal["text_similarity"]
    evaluation_metric: Literal["fuzzy_match", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"]
    # What is graded; {{sample.output_text}} is the answer of the model.
    input: str
    # What it is held against; {{item.…}} is a field of the row, {{item.reference}} its answer.
    reference: str


class JudgeMessage(Shape):
    role: Literal["user", "assistant", "system"]
    content: str


class ScoreModelRule(Shape):
    type: Literal["score_model"]
    # The base model of the run.
    model: str
    # Is to make the model say a number, alone or as {"result": 0.5}.
    input: Annotated[list[JudgeMessage], Field(min_length=1, max_length=16)]
    lowest: float
    highest: float
    max_completion_tokens: Annotated[int, Field(ge=1, le=1024)]


class PythonRule(Shape):
    type: Literal["python"]
    # Defines grade(sample, item), which returns a number.
    source: Annotated[str, Field(min_length=1, max_length=262144)]


Rule = Annotated[
    StringCheckRule
    | TextSimilarityRule
    | ScoreModelRule
    | PythonRule,
    Field(discriminator="type"),
]


class RewardFormula(Shape):
    rules: dict[str, Rule]
    # A formula over the names; null where there is one rule.
    calculate_output: Annotated[str, Field(min_length=1, max_length=1000)] | None


class GrpoMethod(Shape):
    type: Literal["grpo"]
    graders: Annotated[list[Grader], Field(min_length=1, max_length=8)]
    # What OpenAI's `reinforcement` asks for, in the place of `graders`: rules, and a formula over them.
    formula: RewardFormula | None
    # Answers to each prompt.
    num_generations: Annotated[int, Field(ge=2, le=64)]
    # An answer is cut here.
    max_completion_tokens: Annotated[int, Field(ge=1, le=4096)]
    # Weight of the divergence from the base model; 0 is none.
    beta: Annotated[float, Field(ge=0, le=2)]
    # Divides a reward's distance from the mean of its group by their standard deviation.
    scale_rewards: bool


class RewardMethod(Shape):
    type: Literal["reward"]
    # By how much the preferred answer should score higher (Touvron et al. 2023, equation 2).
    margin: Annotated[float, Field(ge=0, le=10)]
    # Weight of the squared sum of both scores (Eisenstein et al. 2023), which keeps scores around 0; 0 is none.
    center_rewards_coefficient: Annotated[float, Field(ge=0, le=1)]


class PpoMethod(Shape):
    type: Literal["ppo"]
    # Id of a trained reward model of the same base model: GET /v1/models, x_kind reward_model.
    reward_model: Annotated[str, Field(min_length=1)]
    # An answer is cut here.
    max_completion_tokens: Annotated[int, Field(ge=1, le=4096)]
    # How often each answer is learnt from.
    num_ppo_epochs: Annotated[int, Field(ge=1, le=16)]
    # What a token pays for being likelier than the base model has it.
    kl_coef: Annotated[float, Field(ge=0, le=2)]
    # How far a probability may move, as a ratio, on one set of answers.
    cliprange: Annotated[float, Field(le=1, gt=0)]
    # How far the expected reward may move on one set of answers.
    cliprange_value: Annotated[float, Field(le=10, gt=0)]
    # Weight of the loss of what is expected.
    vf_coef: Annotated[float, Field(ge=0, le=10)]
    # Discount of what comes a token later.
    gamma: Annotated[float, Field(le=1, gt=0)]
    # Lambda of generalised advantage estimation (Schulman et al. 2015).
    lam: Annotated[float, Field(ge=0, le=1)]
    # Taken from the score of an answer that is cut.
    missing_eos_penalty: Annotated[float, Field(ge=0, le=100)]


class PhrasesCheck(Shape):
    type: Literal["phrases"]
    phrases: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(min_length=1, max_length=100)]
    broken_when: Literal["present", "absent"]


class LengthCheck(Shape):
    type: Literal["length"]
    most_words: Annotated[int, Field(ge=1, le=10000)]


class GraderCheck(Shape):
    type: Literal["grader"]
    grader: Grader
    below: Annotated[float, Field(le=1, gt=0)]


class ModelCheck(Shape):
    type: Literal["model"]
    # Broken where "Yes, it breaks the rule" is likelier than this.
    threshold: Annotated[float, Field(ge=0, le=1)]


ViolationCheck = Annotated[
    PhrasesCheck
    | LengthCheck
    | GraderCheck
    | ModelCheck,
    Field(discriminator="type"),
]


class Principle(Shape):
    # What an answer keeps to, as the model is told it.
    rule: Annotated[str, Field(min_length=1, max_length=1000)]
    violation: ViolationCheck


class ConstitutionalMethod(Shape):
    type: Literal["constitutional"]
    principles: Annotated[list[Principle], Field(min_length=1, max_length=32)]
    # Asks what is wrong; {rule} is that of the principle.
    critique_request: Annotated[str, Field(min_length=1, max_length=2000)]
    # Asks for another answer; {rule} is that of the principle.
    revision_request: Annotated[str, Field(min_length=1, max_length=2000)]
    # An answer is cut here.
    max_completion_tokens: Annotated[int, Field(ge=1, le=4096)]
    # Revisions drawn for an answer, until one breaks no principle.
    max_revisions: Annotated[int, Field(ge=1, le=32)]
    # Share of the steps that learn revisions as answers; the others prefer them to the first answers, by DPO.
    supervised_share: Annotated[float, Field(ge=0, le=1)]
    # How closely DPO keeps to the base model: a larger one keeps closer.
    beta: Annotated[float, Field(le=2, gt=0)]


Method = Annotated[
    SupervisedMethod
    | DpoMethod
    | OrpoMethod
    | SimpoMethod
    | KtoMethod
    | GrpoMethod
    | RewardMethod
    | PpoMethod
    | ConstitutionalMethod,
    Field(discriminator="type"),
]


class TrainingSettings(Shape):
    # quick puts adapters on the top layers alone, where nothing else is said: what the layers below say of a row is computed once and kept.
    speed: Literal["full", "quick"]
    # How often each row is seen.
    n_epochs: Annotated[int, Field(ge=1, le=50)]
    # Stops after so many optimiser steps; null is n_epochs.
    max_steps: Annotated[int, Field(ge=1)] | None
    # Rows in one forward pass; of all processes together where there are several.
    batch_size: Annotated[int, Field(ge=1, le=256)]
    # Forward passes an optimiser step.
    gradient_accumulation_steps: Annotated[int, Field(ge=1, le=1024)]
    # Peak learning rate of AdamW.
    learning_rate: Annotated[float, Field(le=1, gt=0)]
    # How the rate falls after its rise, under the names that transformers gives the schedules.
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "polynomial", "inverse_sqrt", "warmup_stable_decay"]
    # Share of the peak rate that cosine_with_min_lr, cosine_warmup_with_min_lr and warmup_stable_decay end at.
    lr_min_rate: Annotated[float, Field(ge=0, le=1)]
    # How often cosine_with_restarts begins anew.
    lr_num_cycles: Annotated[int, Field(ge=1, le=1000)]
    # Exponent of polynomial: 1 is a line.
    lr_power: Annotated[float, Field(le=10, gt=0)]
    # Share of all steps over which warmup_stable_decay falls.
    lr_decay_ratio: Annotated[float, Field(ge=0, le=1)]
    # Share of all steps over which the rate rises from 0.
    warmup_ratio: Annotated[float, Field(ge=0, le=0.5)]
    # The same in steps, in place of warmup_ratio; null is by that.
    warmup_steps: Annotated[int, Field(ge=0)] | None
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
    # Attention kernel; flash_attention_2 needs a GPU, bf16 or fp16, and the package flash-attn.
    attn_implementation: Literal["auto", "eager", "sdpa", "flash_attention_2"]
    # Computes a batch as one sequence without padding where that is less work; what its rows begin with runs once.
    packing: bool
    # Noise on the embeddings while training (NEFTune, Jain et al. 2023); 5 is usual, null is none.
    neftune_noise_alpha: Annotated[float, Field(le=100, gt=0)] | None
    # Share of the words of user messages left out while training, drawn anew each epoch: paraphrases are answered too.
    prompt_dropout: Annotated[float, Field(ge=0, le=0.9)]
    # How chats are written: by the model's own template, or as ### Instruction, ### Input, ### Response.
    prompt_template: Literal["model", "instruction"]
    # Batches rows of like length, so that less is padding.
    group_by_length: bool
    # Optimiser steps between two reports.
    logging_steps: Annotated[int, Field(ge=1)]
    # When the validation file is evaluated: auto is every eval_steps where they are given, else once an epoch; always at the end.
    eval_strategy: Literal["auto", "no", "steps", "epoch"]
    # Steps between evaluations; null is once an epoch.
    eval_steps: Annotated[int, Field(ge=1)] | None
    # Evaluations in a row without a lower validation loss, after which the run stops; null is never.
    early_stopping_patience: Annotated[int, Field(ge=1, le=1000)] | None
    # By how many nats the validation loss must fall below its best to count as lower.
    early_stopping_threshold: Annotated[float, Field(ge=0, le=100)]
    # The model is the checkpoint with the lowest validation loss, in place of the last step; each new best is saved.
    load_best_model_at_end: bool
    # Steps between checkpoints; null is once an epoch.
    save_steps: Annotated[int, Field(ge=1)] | None
    # Newest checkpoints kept; the best is kept besides.
    save_total_limit: Annotated[int, Field(ge=1, le=100)]
    # Budget of time: the run stops before it has trained for longer, and keeps what it learnt. Queue and pauses do not count.
    max_seconds: Annotated[float, Field(ge=1)] | None
    # Budget of money in US dollars, by the price of an hour (TUNELOOP_COST_PER_HOUR): like max_seconds.
    max_cost: Annotated[float, Field(gt=0)] | None
    # CPU threads; null is all cores but what serving needs.
    threads: Annotated[int, Field(ge=1)] | None
    # Trains in several processes: ddp holds the whole model in each, fsdp2 and zero3 a share of it, zero2 a share of the gradients and of the optimiser.
    distributed: Literal["no", "ddp", "fsdp2", "zero2", "zero3"]
    # Of a distributed run: each takes its share of the rows of every batch.
    processes: Annotated[int, Field(ge=2, le=1024)]
    # Keeps in the CPU's memory what a process has a share of: the weights (fsdp2, zero3), the optimiser (zero2, zero3).
    cpu_offload: bool
    # DeepSpeed's own JSON, for zero2 and zero3; what it says of batch, rate and precision must agree with the other settings.
    deepspeed: dict[str, Any] | None


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


class RunBudget(Shape):
    # Of this attempt, from its start: what earlier attempts took is taken off already.
    seconds: Annotated[float, Field(ge=0)]
    # Which of the two budgets is spent first.
    cause: Literal["time", "cost"]
    # The whole budget in words, for messages: "10 minutes", "$0.50 (at $0.04 an hour)".
    told: str


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
    # Folder of the reward model that the method names.
    reward_model_dir: str | None
    # Command of a Python that graders run in; empty: there is none.
    grader_sandbox: list[str]
    # Steps whose checkpoints are never removed: a person asked for them.
    kept_steps: list[Annotated[int, Field(ge=0)]]
    # null: nothing is asked of the model while it trains.
    probes: ProbePlan | None
    # null: it trains to its last step.
    budget: RunBudget | None


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


class ExportCommand(Shape):
    """Writes a model in another form, in a forked process: ExportTask → folder with ExportManifest. Answer when done: ok."""

    command: Literal["export"]
    task_file: str


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
    | ExportCommand
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
    # Since its last phase began.
    peak_memory_bytes: int | None


RunPhase = Literal["checking", "loading", "training", "evaluating", "saving"]


MemoryPeaks = dict[str, Annotated[int, Field(ge=0)]]


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


class RunStop(Shape):
    # A person stopped it, the validation loss got no lower, or its budget was spent.
    cause: Literal["asked", "early_stopping", "time", "cost"]
    # Optimiser steps done.
    step: Annotated[int, Field(ge=1)]
    # For people: what happened, with its figures.
    message: str


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
    phase: RunPhase


class MemoryProfiledEvent(Shape):
    """Whenever a phase has ended that held more than it ever had in this attempt, and before the last event."""

    # 1, 2, 3 … within the attempt, without gaps.
    seq: Annotated[int, Field(ge=1)]
    # Unix time in seconds.
    at: float
    type: Literal["memory-profiled"]
    peaks: MemoryPeaks


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
    # Rows of the training file in the steps since the last report, in the order they were read; the first 512.
    rows: Annotated[list[Annotated[int, Field(ge=1)]], Field(max_length=512)]


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
    # Folder, relative to output_dir; complete, with manifest.json and the file that answers.
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
    # Before the last step: `stop` says why.
    stopped_early: bool
    stop: RunStop | None
    # Step whose weights the final adapter has, where that is the best and not the last; null is `step`.
    model_step: Annotated[int, Field(ge=0)] | None


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
    | MemoryProfiledEvent
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
    # Folder with adapter_config.json and adapter_model.safetensors; null is the base model alone.
    adapter_dir: str | None
    # Jinja source that training wrote chats with; null is the model's own.
    chat_template: str | None
    threads: Annotated[int, Field(ge=1)]
    prompts: list[ScorePrompt]
    # Token ids of whole rows, to be judged from their second token on.
    rows: list[Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2)]]


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


class ScoredRow(Shape):
    # Of the token that stands there, in nats.
    logprobs: list[float]
    # The likeliest token in its place.
    best: list[int]


class ScoreResult(Shape):
    prompts: list[ScoredPrompt]
    rows: list[ScoredRow]
    seconds: float


ExportForm = Literal["safetensors", "gguf-f16", "gguf-q8_0", "gguf-q4_k_m", "gptq-int4", "awq-int4", "bnb-nf4", "bnb-int8"]


class ExportTask(Shape):
    form: ExportForm
    # Id of the model that is exported.
    model: str
    # What files are called that are named after the model: letters, digits, ".", "_" and "-".
    name: str
    base_model: str
    base_sha256: str
    # Folder of the base model.
    model_dir: str
    # Folder of the adapter; null exports the base model as it is.
    adapter_dir: str | None
    adapter_sha256: str | None
    # How the model was tuned; null for a base model.
    method: str | None
    # Rows that it was tuned on, which GPTQ and AWQ are calibrated on; null for a base model, and where they are gone.
    training_file: str | None
    # Jinja source that the model was taught with; null is the base model's own.
    chat_template: str | None
    # The engine's libllama, which quantises GGUF files; null where there is none.
    llama_library: str | None
    # Folder with the libraries of GPTQ, AWQ and bitsandbytes; null where they are not installed.
    quantizers: str | None
    threads: Annotated[int, Field(ge=1)]
    # Folder to make, whole or not at all; one that is there makes way.
    output_dir: str
    # Where an ExportProgress is kept while it goes on.
    progress_file: str


class ExportProgress(Shape):
    phase: Literal["merging", "writing", "converting", "quantizing", "checking"]
    step: Annotated[int, Field(ge=1)]
    steps: Annotated[int, Field(ge=1)]


class ExportManifest(Shape):
    version: Literal[1]
    form: ExportForm
    model: str
    base_model: str
    base_sha256: str
    adapter_sha256: str | None
    files: list[ArtifactFile]


class ServingVersion(Shape):
    id: str
    # Folder with config.json, *.safetensors and the tokenizer.
    model_dir: str
    # Folder with an adapter as PEFT reads it, or with all weights; null is the base itself.
    adapter_dir: str | None
    # Of the trained weights: the same id may come back with others.
    sha256: str | None


class ServingRequest(Shape):
    version: ServingVersion
    prompt: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=0)]
    # 0 takes the likeliest token.
    temperature: Annotated[float, Field(ge=0)]
    top_p: float
    top_k: int | None
    min_p: float | None
    seed: int
    frequency_penalty: float
    presence_penalty: float
    # Token id → added to its logit.
    logit_bias: dict[str, float]
    # Null asks for no log-probabilities.
    top_logprobs: Annotated[int, Field(ge=0)] | None
    # Also scores the prompt.
    echo: bool


class LoadCommand(Shape):
    """Answer: loaded."""

    command: Literal["load"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    version: ServingVersion


class UnloadCommand(Shape):
    """Answer: done, once its running answers have ended."""

    command: Literal["unload"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    version_id: str


class TokenizeCommand(Shape):
    """Answer: tokens."""

    command: Literal["tokenize"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    version: ServingVersion
    text: str
    # special begins as texts of this model do; rendered is whole already.
    special: Literal["plain", "special", "rendered"]


class DetokenizeCommand(Shape):
    """Answer: text."""

    command: Literal["detokenize"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    version: ServingVersion
    token_ids: list[Annotated[int, Field(ge=0)]]


class GenerateCommand(Shape):
    """Answers: scored? · token* · ended."""

    command: Literal["generate"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    request: ServingRequest


class CancelCommand(Shape):
    """No answer: the request of this id is forgotten."""

    command: Literal["cancel"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]


class StatusCommand(Shape):
    """Answer: status."""

    command: Literal["status"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]


ServingCommand = Annotated[
    LoadCommand
    | UnloadCommand
    | TokenizeCommand
    | DetokenizeCommand
    | GenerateCommand
    | CancelCommand
    | StatusCommand,
    Field(discriminator="command"),
]


class ServingAlternative(Shape):
    token_id: int
    # What it adds to a text; a control token is spelt out.
    bytes: list[Annotated[int, Field(ge=0, le=255)]]
    logprob: float


class ServingToken(Shape):
    token_id: int
    # What it adds to a text; a control token is spelt out.
    bytes: list[Annotated[int, Field(ge=0, le=255)]]
    # It adds nothing to the text.
    is_control: bool
    # Null when it was not asked for, and for the first token of a prompt.
    logprob: float | None
    # Best first.
    top: list[ServingAlternative]


class ServingLoad(Shape):
    id: str
    load_seconds: float


class LoadedAnswer(Shape):
    type: Literal["loaded"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    # Longest prompt + answer in tokens.
    context_length: Annotated[int, Field(ge=1)]


class DoneAnswer(Shape):
    type: Literal["done"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]


class TokensAnswer(Shape):
    type: Literal["tokens"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    token_ids: list[int]


class TextAnswer(Shape):
    type: Literal["text"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    text: str


class ScoredAnswer(Shape):
    type: Literal["scored"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    tokens: list[ServingToken]


class TokenAnswer(Shape):
    type: Literal["token"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    token: ServingToken


class EndedAnswer(Shape):
    type: Literal["ended"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    finish_reason: Literal["stop", "length"]


class FailedAnswer(Shape):
    type: Literal["failed"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    code: Literal["invalid_request", "context_length_exceeded", "rate_limit_exceeded", "engine_failed"]
    message: str


class StatusAnswer(Shape):
    type: Literal["status"]
    # Pairs an answer with its question.
    id: Annotated[int, Field(ge=0)]
    memory_bytes: int
    gpu_memory_bytes: int
    active: int
    waiting: int
    generated_tokens: int
    versions: list[ServingLoad]


ServingAnswer = Annotated[
    LoadedAnswer
    | DoneAnswer
    | TokensAnswer
    | TextAnswer
    | ScoredAnswer
    | TokenAnswer
    | EndedAnswer
    | FailedAnswer
    | StatusAnswer,
    Field(discriminator="type"),
]
