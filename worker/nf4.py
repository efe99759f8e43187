"""Frozen linear layers in four bits: NF4 with double quantisation (Dettmers et al. 2023, "QLoRA", section 3), in plain torch.

An eighth of the memory of fp32 weights, at the price of unpacking them in every pass. Adapters stay as they are.
"""

import re
from typing import Any

import torch
from torch import Tensor, nn

# Quantiles of the normal distribution between -1 and 1: appendix E of the paper.
_LEVELS = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
# In the name of a module, the number of its layer.
_LAYER = re.compile(r"\.\d+\.")
# Weights that share a scale, and scales that share one in turn.
_BLOCK = 64
_SCALE_BLOCK = 256


class Nf4Linear(nn.Linear):
    """A linear layer whose weight, (out_features, in_features), is held in four bits; it takes no gradient and passes one on."""

    # Two levels a byte, flat; the last may be padding.
    weight: nn.Parameter
    # The scale of a block is scale_codes · scale_steps of its own block + scale_mean.
    scale_codes: Tensor
    scale_steps: Tensor
    scale_mean: Tensor
    pairs_256_2: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta")
        codes_N, scales_S = _quantize(linear.weight.detach().float().flatten())
        self.weight = nn.Parameter(codes_N[0::2] * 16 + codes_N[1::2], requires_grad=False)  # pyright: ignore[reportIncompatibleVariableOverride]
        mean = scales_S.mean()
        padded_S = nn.functional.pad(scales_S - mean, (0, -len(scales_S) % _SCALE_BLOCK)).view(-1, _SCALE_BLOCK)
        steps_G_1 = padded_S.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        self.register_buffer("scale_codes", (padded_S / steps_G_1).round().to(torch.int8), persistent=False)
        self.register_buffer("scale_steps", steps_G_1, persistent=False)
        self.register_buffer("scale_mean", mean, persistent=False)
        levels = torch.tensor(_LEVELS, device=linear.weight.device)
        self.register_buffer("pairs_256_2", torch.cartesian_prod(levels, levels), persistent=False)
        if linear.bias is not None:
            self.bias = nn.Parameter(linear.bias.detach(), requires_grad=False)

    def unpacked(self, dtype: torch.dtype) -> Tensor:
        """The weight as the layer computes with it, shape (out_features, in_features)."""
        values = self.pairs_256_2.index_select(0, self.weight.int()).view(-1, _BLOCK)
        scales_S = (self.scale_codes * self.scale_steps + self.scale_mean).flatten()[: len(values)]
        flat_N = (values * scales_S[:, None]).flatten()[: self.out_features * self.in_features]
        return flat_N.view(self.out_features, self.in_features).to(dtype)

    def forward(self, input: Tensor) -> Tensor:
        """As any linear layer."""
        return _Multiply.apply(input, self)  # pyright: ignore[reportReturnType]


class _Multiply(torch.autograd.Function):
    """Unpacks the weight on the way forth and again on the way back, and keeps it for neither."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, layer: Nf4Linear) -> Tensor:
        ctx.layer = layer
        bias = layer.bias if layer.bias is None else layer.bias.to(input.dtype)
        return nn.functional.linear(input, layer.unpacked(input.dtype), bias)

    @staticmethod
    def backward(ctx: Any, output_gradient: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The gradient of the input; the weight has none."""
        return output_gradient @ ctx.layer.unpacked(output_gradient.dtype), None


def quantize_layers(model: nn.Module) -> None:
    """Puts every linear layer of the model's transformer layers into four bits, in place. Embeddings and output head stay whole."""
    inner = [(name, module) for name, module in model.named_modules() if type(module) is nn.Linear and _LAYER.search(name)]
    for name, module in inner:
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, Nf4Linear(module))


def _quantize(weights_N: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest level of each weight within its block, padded to whole blocks, and the scale of each block."""
    blocks_S_64 = nn.functional.pad(weights_N, (0, -len(weights_N) % _BLOCK)).view(-1, _BLOCK)
    scales_S = blocks_S_64.abs().amax(dim=1).clamp(min=1e-12)
    levels = torch.tensor(_LEVELS, device=weights_N.device)
    between = (levels[1:] + levels[:-1]) / 2
    return torch.bucketize(blocks_S_64 / scales_S[:, None], between).to(torch.uint8).flatten(), scales_S
