"""Which versions are loaded: each has modules of its own over the shared weights of its base, so that none is in the way of another."""

import copy
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from worker.base_models import BaseModels
from worker.contract import ServingVersion
from worker.examples import end_token_ids
from worker.load import BaseModel, load_base
from worker.token_bytes import TokenBytes

_KEPT_BASES = 2
_Key = tuple[str, str, str | None]


@dataclass(frozen=True, eq=False)
class Served:
    """A version that answers."""

    id: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    token_bytes: TokenBytes
    end_ids: set[int]
    # Longest prompt + answer in tokens.
    context_length: int
    load_seconds: float


class ServedVersions:
    """Up to a limit; the one unused longest makes room, and one that answers is never cut off."""

    def __init__(self, limit: int, context: int | None) -> None:
        self._limit = limit
        self._context = context
        self._bases: BaseModels[BaseModel] = BaseModels(load_base, _KEPT_BASES)
        self._loaded: OrderedDict[_Key, Served] = OrderedDict()

    @property
    def loaded(self) -> list[Served]:
        """Those kept."""
        return list(self._loaded.values())

    def base(self, version: ServingVersion) -> BaseModel:
        """The base model. Raises WorkerError('model_error')."""
        return self._bases.get(Path(version.model_dir))

    def get(self, version: ServingVersion, in_use: Collection[Served]) -> Served:
        """The version, loaded where it is not. Raises WorkerError('model_error')."""
        key = (version.id, version.model_dir, version.sha256)
        served = self._loaded.pop(key, None)
        if served is None:
            idle = [other for other, one in self._loaded.items() if one not in in_use]
            for other in idle[: max(0, len(self._loaded) + 1 - self._limit)]:
                del self._loaded[other]
            served = self._open(version)
        self._loaded[key] = served
        return served

    def drop(self, version_id: str) -> list[Served]:
        """Forgets a version; returns what may still be answering."""
        dropped = [key for key, served in self._loaded.items() if served.id == version_id]
        return [self._loaded.pop(key) for key in dropped]

    def _open(self, version: ServingVersion) -> Served:
        began = time.monotonic()
        base = self.base(version)
        model = _with_own_modules(base.model)
        room = base.context_length
        if version.adapter_dir is not None:
            # With the library of adapters, which takes seconds to import, and not before.
            from worker.open_adapter import open_adapter, virtual_tokens_of

            model = open_adapter(model, Path(version.adapter_dir))
            room -= virtual_tokens_of(Path(version.adapter_dir))
        return Served(
            id=version.id,
            model=model.eval().to("cuda" if torch.cuda.is_available() else "cpu"),  # pyright: ignore[reportArgumentType]
            tokenizer=base.tokenizer,
            token_bytes=TokenBytes(base.tokenizer),
            end_ids=end_token_ids(base.tokenizer),
            context_length=min(room, self._context or room),
            load_seconds=time.monotonic() - began,
        )


def _with_own_modules(model: PreTrainedModel) -> Any:
    """A copy whose weights are the same tensors."""
    weights = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(weight): weight for weight in weights})
