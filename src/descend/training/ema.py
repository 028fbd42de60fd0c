"""This file averages the weights over the last part of a run.

Exponential moving average with a decay that grows at the start, so that the first average is the
weights themselves (Tan & Le 2019, arXiv 1905.11946; the ramp is that of TensorFlow's
ExponentialMovingAverage). The decay is scaled to the run: it looks back over a share of its steps.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Running averages of every floating-point weight and buffer of some modules."""

    def __init__(self, modules: Mapping[str, nn.Module], share: float, steps: int) -> None:
        self._decay = 1 - 1 / max(1.0, share * steps)
        self._live = {
            f"{name}.{key}": tensor
            for name, module in modules.items()
            for key, tensor in module.state_dict().items()
            if tensor.is_floating_point()
        }  # state_dict's tensors share memory with the module's
        self.tensors = {key: tensor.clone() for key, tensor in self._live.items()}

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the averages towards the weights after update number `step`."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._live.values()), 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within, the modules hold the averages."""
        held = {key: tensor.clone() for key, tensor in self._live.items()}
        self._put(self.tensors)
        try:
            yield
        finally:
            self._put(held)

    @torch.no_grad()
    def _put(self, tensors: Mapping[str, Tensor]) -> None:
        for key, tensor in self._live.items():
            tensor.copy_(tensors[key])

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        for key, tensor in self.tensors.items():
            tensor.copy_(tensors[key])
