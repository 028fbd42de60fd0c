"""This file joins the processes that train together, over torch.distributed."""

from collections.abc import Sequence

import torch
import torch.distributed
from torch import Tensor


class ProcessRanks:
    """The ranks of an initialized default process group."""

    def __init__(self) -> None:
        self.rank = torch.distributed.get_rank()
        self.size = torch.distributed.get_world_size()

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Sum each tensor over the ranks, in one message per dtype (small tensors dominate)."""
        for dtype in dict.fromkeys(t.dtype for t in tensors):
            same = [t for t in tensors if t.dtype == dtype]
            flat = torch.cat([t.reshape(-1) for t in same])
            torch.distributed.all_reduce(flat)
            parts = torch.split(flat, [t.numel() for t in same])
            for tensor, part in zip(same, parts, strict=True):
                tensor.copy_(part.view_as(tensor))
