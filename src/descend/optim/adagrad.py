"""This file is Adagrad (Duchi, Hazan, Singer 2011, JMLR 12)."""

from typing import Any

import torch
from torch.optim import Optimizer

from descend.optim._groups import ready
from descend.settings import Settings as SettingsBase
from descend.settings import setting

LEARNING_RATE = 0.01  # torch's


class Settings(SettingsBase):
    epsilon: float = setting(1e-10, "keeps the division by the summed squares finite", above=0)


def build(groups: list[dict[str, Any]], learning_rate: float, settings: Settings) -> Optimizer:
    return ready(torch.optim.Adagrad(groups, learning_rate, eps=settings.epsilon))
