"""This file draws shares from a Beta distribution with a torch generator."""

import numpy
import torch
from torch import Tensor


def beta(count: int, alpha: float, generator: torch.Generator) -> Tensor:
    """float32 (count,) from Beta(alpha, alpha), at least one half, so that the own image leads."""
    if alpha == 0:
        return torch.ones(count)
    # torch's own Beta takes no generator; numpy's is seeded from ours.
    seed = int(torch.randint(2**62, (), generator=generator))
    share = torch.from_numpy(numpy.random.default_rng(seed).beta(alpha, alpha, count)).float()
    return torch.maximum(share, 1 - share)
