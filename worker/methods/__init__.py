"""The training methods. A new one: its file beside these, and a line here."""

from collections.abc import Callable

from worker.contract import TrainingJob
from worker.methods import constitutional, grpo, kto, ppo, preference, reward, supervised
from worker.workbench import MethodTrainer, Workbench

METHODS: dict[str, Callable[[TrainingJob, Workbench], MethodTrainer]] = {
    "supervised": supervised.build,
    "dpo": preference.build,
    "orpo": preference.build,
    "simpo": preference.build,
    "kto": kto.build,
    "grpo": grpo.build,
    "reward": reward.build,
    "ppo": ppo.build,
    "constitutional": constitutional.build,
}
