"""This file is the one-cycle schedule (Smith, Topin 2017, arXiv 1708.07120).

Up along half a cosine wave, down along another, as fastai made it common. Momentum stays.
"""

import math

from descend.forms import Clock
from descend.schedules._warmup import UNIT, Warmup, progress, rise
from descend.settings import Settings as SettingsBase
from descend.settings import setting


class Settings(SettingsBase):
    warmup: Warmup = setting(0.3, "the way up", unit=UNIT)
    start_factor: float = setting(
        0.04, "share of the peak learning rate at the start", unit="share", at_least=0, at_most=1
    )
    final_factor: float = setting(
        0.0, "share of the peak learning rate left at the end", unit="share", at_least=0, at_most=1
    )


def factor(clock: Clock, settings: Settings) -> float:
    rising = rise(clock, settings.warmup)
    if rising is not None:
        height = (1 - math.cos(math.pi * rising)) / 2
        return settings.start_factor + (1 - settings.start_factor) * height
    height = (1 + math.cos(math.pi * progress(clock, settings.warmup))) / 2
    return settings.final_factor + (1 - settings.final_factor) * height
