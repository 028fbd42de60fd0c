"""Half a cosine from the peak to a floor (Loshchilov & Hutter 2016, arXiv 1608.03983)."""

import math

from descend import settings as s
from descend.forms import Clock
from descend.schedules._warmup import WarmupSettings, after_warmup


class Settings(WarmupSettings):
    floor: float = s.setting(
        0.0, "learning rate at the end, as a share of the peak", at_least=0, at_most=1
    )


def factor(clock: Clock, settings: Settings) -> float:
    gentle, over = after_warmup(clock, settings.warmup)
    return gentle * (settings.floor + (1 - settings.floor) * 0.5 * (1 + math.cos(math.pi * over)))
