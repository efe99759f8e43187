"""ZeRO, stages 2 and 3, by DeepSpeed itself (Rajbhandari et al. 2020).

Stage 2 cuts gradients and the state of the optimiser, stage 3 the weights too. Accelerate's plug-in falls back on plain data parallel
where there is no GPU, and says nothing of it.
"""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from worker.contract import TrainingJob
from worker.failures import WorkerError
from worker.ranks import Ranks
from worker.strategies.strategy import Moments, StepLoss, Strategy
from worker.trainer_state import forget_tensors
from worker.workbench import Workbench

# In a checkpoint, beside an optimiser's own tensors: the weights that it steps, in fp32.
_MASTER = "master"


def spread(job: TrainingJob, bench: Workbench, step: StepLoss, make_optimizer: Callable[[], Optimizer]) -> Strategy:
    """Raises WorkerError('config_error') when there is no DeepSpeed, or what it made is not the stage that was asked for."""
    deepspeed = import_deepspeed(bench.device)
    stage = 3 if job.settings.distributed == "zero3" else 2
    # One process sees one GPU.
    os.environ["LOCAL_RANK"] = "0"
    if stage == 3:
        # The loss reads the weight of the head without calling the head.
        head: Any = bench.base.get_output_embeddings()
        deepspeed.zero.register_external_parameter(step, head.weight)
    config = engine_config(job, bench, stage)
    engine, *_ = deepspeed.initialize(model=step, optimizer=make_optimizer(), config=config, dist_init_required=False)
    held, total = check_engine(engine, stage, bench.ranks)
    what = "weights, and of gradients and optimiser as much" if stage == 3 else "states of the optimiser, and of gradients as much"
    told = f"zero{stage}: DeepSpeed {deepspeed.__version__}, {bench.ranks.world} processes; this one holds {held:,} of {total:,} {what}"
    return ZeroStrategy(deepspeed, engine, stage, job, told, makes_nan=bench.precision == "fp16")


def engine_config(job: TrainingJob, bench: Workbench, stage: int) -> dict[str, Any]:
    """DeepSpeed's configuration: the job's own, with what the settings of the job say in their place.

    Raises WorkerError('config_error') with the sum when the batch of the one is not that of the other.
    """
    settings = job.settings
    given = {name: value for name, value in (settings.deepspeed or {}).items() if value != "auto"}
    micro, steps, world = settings.batch_size // bench.ranks.world, settings.gradient_accumulation_steps, bench.ranks.world
    batch = {
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": steps,
        "train_batch_size": micro * steps * world,
    }
    for name, value in batch.items():
        if given.get(name, value) != value:
            raise WorkerError(
                "config_error",
                f"deepspeed.{name} is {given[name]}, but the job makes it {value}: {micro} rows in a forward pass of one process "
                f"× {steps} forward passes × {world} processes = {batch['train_batch_size']}.",
            )
    zero = {**given.get("zero_optimization", {}), "stage": stage}
    if settings.cpu_offload:
        zero.setdefault("offload_optimizer", {"device": "cpu", "pin_memory": bench.device == "cuda"})
        if stage == 3:
            zero.setdefault("offload_param", {"device": "cpu", "pin_memory": bench.device == "cuda"})
    return {
        # The optimiser and its schedule are made of the job's settings, which have taken over what is said here.
        **{name: value for name, value in given.items() if name not in ("optimizer", "scheduler")},
        **batch,
        "zero_optimization": zero,
        "gradient_clipping": settings.max_grad_norm,
        "fp16": {**given.get("fp16", {}), "enabled": bench.precision == "fp16"},
        "bf16": {**given.get("bf16", {}), "enabled": bench.precision == "bf16"},
        # torch's own AdamW steps on the CPU too; DeepSpeed's would be compiled first.
        "zero_force_ds_cpu_optimizer": False,
    }


class ZeroStrategy(Strategy):
    """The engine divides, averages, clips and steps."""

    is_sharded = True
    clips = True

    def __init__(self, deepspeed: Any, engine: Any, stage: int, job: TrainingJob, told: str, makes_nan: bool) -> None:
        self._deepspeed = deepspeed
        self._engine = engine
        self._stage = stage
        # With fp16 a step whose gradient overflows is left out, and the scale is lowered.
        self._makes_nan = makes_nan
        self._steps = 0
        self._given = job.settings.deepspeed or {}
        # Its groups are what the engine steps with, whatever it puts into them.
        super().__init__(engine, self, told, rates=engine.optimizer.optimizer)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """With the rates."""
        return self.rates.param_groups

    def schedule(self) -> Any:
        """The schedule that the configuration names, by DeepSpeed itself; None where it names none."""
        named = self._given.get("scheduler")
        if not isinstance(named, dict):
            return None
        params = {name: value for name, value in named.get("params", {}).items() if value != "auto"}
        return getattr(self._deepspeed.runtime.lr_schedules, named["type"])(self.rates, **params)

    def backward(self, loss: Tensor, is_last: bool, plain: Callable[[Tensor], None]) -> None:
        """The engine counts the batches of a step by itself, and the last step of an epoch may have fewer."""
        self._engine.set_gradient_accumulation_boundary(is_last)
        self._engine.backward(loss, scale_wrt_gas=False)
        if not is_last:
            self._engine.step()

    def step(self) -> None:
        """One step of the optimiser. Raises WorkerError('nan')."""
        self._engine.step()
        self._steps += 1
        norm = self._engine.get_global_grad_norm()
        self.grad_norm = float(norm) if norm is not None else 0.0
        if not math.isfinite(self.grad_norm):
            if not self._makes_nan:
                raise WorkerError("nan", f"The gradient became {self.grad_norm} in step {self._steps}.")
            self.grad_norm = 0.0

    def zero_grad(self) -> None:
        """The engine has done it with the step."""

    @contextmanager
    def whole(self) -> Iterator[None]:
        """With stage 3 the trained weights are put together; with stage 2 they are."""
        model: Any = self._engine.module.model
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        forget_tensors(model)
        with self._deepspeed.zero.GatheredParameters(trained, enabled=self._stage == 3):
            yield
        forget_tensors(model)

    def moments(self) -> Moments:
        """Of the pieces of this process; they hold the trained weights themselves, too, which may be more exact than the model's."""
        return {
            place: {**{key: torch.as_tensor(value) for key, value in self.rates.state[piece].items()}, _MASTER: piece.detach()}
            for place, piece in enumerate(pieces_of(self._engine))
        }

    def restore_moments(self, moments: Moments) -> None:
        """Puts them back."""
        for place, piece in enumerate(pieces_of(self._engine)):
            state = dict(moments[place])
            piece.data.copy_(state.pop(_MASTER))
            self.rates.state[piece] = {key: value.to(piece.device) if value.dim() else value for key, value in state.items()}


def pieces_of(engine: Any) -> list[Tensor]:
    """What the optimiser of this process steps: flat pieces of the trained weights."""
    zero = engine.optimizer
    return zero.fp32_partitioned_groups_flat if engine.zero_optimization_stage() == 3 else zero.single_partition_of_fp32_groups


def check_engine(engine: Any, stage: int, ranks: Ranks) -> tuple[int, int]:
    """How many numbers this process holds, and how many there are: of all weights with stage 3, else of the optimiser's.

    Raises WorkerError('config_error') when it is another stage, or this process holds more than its share.
    """
    kind, found = type(engine.optimizer).__name__, engine.zero_optimization_stage()
    wanted = "DeepSpeedZeroOptimizer_Stage3" if stage == 3 else "DeepSpeedZeroOptimizer"
    if (kind, found) != (wanted, stage):
        raise WorkerError("config_error", f"distributed: zero{stage} was asked for, and DeepSpeed made stage {found} ({kind}).")
    weights = list(engine.module.parameters())
    trained = sum(_size(weight) for weight in weights if weight.requires_grad)
    pieces = sum(piece.numel() for piece in pieces_of(engine))
    # Pieces are filled up to be of one size.
    if pieces > trained / ranks.world + _filling(engine, ranks):
        raise WorkerError(
            "config_error", f"distributed: zero{stage} was asked for, and rank {ranks.rank} steps {pieces} of {trained} weights."
        )
    if stage == 2:
        return pieces, trained
    whole = [weight for weight in weights if not hasattr(weight, "ds_tensor")]
    held = sum(weight.ds_tensor.numel() for weight in weights if hasattr(weight, "ds_tensor"))
    total = sum(_size(weight) for weight in weights)
    if whole or held > total / ranks.world + len(weights) * ranks.world:
        raise WorkerError("config_error", f"distributed: zero3 was asked for, and rank {ranks.rank} holds {held} of {total} weights.")
    return held, total


def _size(weight: Any) -> int:
    return weight.ds_numel if hasattr(weight, "ds_numel") else weight.numel()


def _filling(engine: Any, ranks: Ranks) -> int:
    """Numbers that stand for nothing: with stage 3 up to one a weight and process, with stage 2 as many as two a group and process."""
    trained = sum(weight.requires_grad for weight in engine.module.parameters())
    return ranks.world * (trained if engine.zero_optimization_stage() == 3 else 4 * len(engine.optimizer.optimizer.param_groups))


def import_deepspeed(device: str) -> Any:
    """The library. Raises WorkerError('config_error') where it is not installed."""
    if device == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"
    try:
        deepspeed: Any = import_module("deepspeed")
        import_module("deepspeed.runtime.lr_schedules")
    except ImportError as error:
        raise WorkerError(
            "config_error",
            "distributed: zero2 and zero3 need the package deepspeed, which is not installed: npm run setup -- --deepspeed.",
        ) from error
    # Sums over shared memory, which would be compiled first; gloo sums without it.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    return deepspeed
