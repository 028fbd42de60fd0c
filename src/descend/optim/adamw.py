"""AdamW: Adam with weight decay apart from the gradient (Loshchilov & Hutter, arXiv 1711.05101)."""

from typing import Any

import torch

from descend.optim.adam import Settings

__all__ = ["LEARNING_RATE", "Settings", "build"]

LEARNING_RATE = 1e-3  # Adam's, arXiv 1412.6980


def build(
    groups: list[dict[str, Any]], learning_rate: float, settings: Settings
) -> torch.optim.Optimizer:
    betas = (settings.beta1, settings.beta2)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=settings.epsilon)
