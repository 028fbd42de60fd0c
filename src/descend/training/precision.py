"""This file chooses the arithmetic of the forward and backward pass: fp32, or bf16 by autocast.

bf16 has fp32's exponent range, so there is no loss scaling anywhere (Kalamkar et al. 2019,
arXiv 1905.12322).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]


def autocast(
    device: torch.device, precision: Precision
) -> Callable[[], AbstractContextManager[object]]:
    """A factory of contexts to run a forward pass in."""
    if precision == "fp32":
        return nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16)
