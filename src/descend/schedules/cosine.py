"""This file is the cosine schedule (Loshchilov, Hutter 2016, arXiv 1608.03983, equation 5)."""

import math

from descend.forms import Clock
from descend.schedules._warmup import UNIT, Warmup, progress, rise
from descend.settings import Settings as SettingsBase
from descend.settings import setting


class Settings(SettingsBase):
    warmup: Warmup = setting(0.05, "rise from zero at the start", unit=UNIT)
    final_factor: float = setting(
        0.0, "share of the peak learning rate left at the end", unit="share", at_least=0, at_most=1
    )


def factor(clock: Clock, settings: Settings) -> float:
    rising = rise(clock, settings.warmup)
    if rising is not None:
        return rising
    height = (1 + math.cos(math.pi * progress(clock, settings.warmup))) / 2
    return settings.final_factor + (1 - settings.final_factor) * height
