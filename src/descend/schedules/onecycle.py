"""Up to the peak along a cosine and down again (Smith & Topin 2017, arXiv 1708.07120)."""

import math

from descend import settings as s
from descend.forms import Clock

START = 1 / 25  # of the peak; torch's and fastai's div_factor
END = START / 1e4  # of the peak; their final_div_factor


class Settings(s.Settings):
    rise: float = s.setting(0.3, "share of the run until the peak", above=0, below=1)


def factor(clock: Clock, settings: Settings) -> float:
    last = max(1, clock.steps - 1)
    over = min(1.0, clock.step / last)
    if over < settings.rise:
        return _between(START, 1.0, over / settings.rise)
    return _between(1.0, END, (over - settings.rise) / (1 - settings.rise))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))
