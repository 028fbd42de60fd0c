"""This file is AdamW, Adam with decoupled weight decay.

Loshchilov, Hutter 2017 (arXiv 1711.05101).
"""

from typing import Any

import torch
from torch.optim import Optimizer

from descend.optim._groups import ready
from descend.optim.adam import Settings as Settings  # the same dials

LEARNING_RATE = 0.001  # Kingma, Ba 2014 (arXiv 1412.6980), algorithm 1


def build(groups: list[dict[str, Any]], learning_rate: float, settings: Settings) -> Optimizer:
    betas = (settings.beta1, settings.beta2)
    return ready(
        torch.optim.AdamW(groups, learning_rate, betas=betas, eps=settings.epsilon, fused=True)
    )
