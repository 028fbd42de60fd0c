"""This file is the trapezoid: warm up, hold, then decay in a straight line.

Zhai et al. 2021 (arXiv 2106.04560, section 3.5) and Hägele et al. 2024 (arXiv 2405.18392): it
ends as well as cosine, and a run can be prolonged from before its decay.
"""

from descend.forms import Clock
from descend.schedules._warmup import UNIT, Warmup, progress, rise, warmup_steps
from descend.settings import Settings as SettingsBase
from descend.settings import setting


class Settings(SettingsBase):
    warmup: Warmup = setting(0.05, "rise from zero at the start", unit=UNIT)
    decay: float = setting(
        0.4, "share of the run, at its end, in which the rate falls", unit="share", at_least=0,
        at_most=1, search=(0.1, 0.9, "linear"),
    )  # fmt: skip
    final_factor: float = setting(
        0.0, "share of the peak learning rate left at the end", unit="share", at_least=0, at_most=1
    )


def factor(clock: Clock, settings: Settings) -> float:
    rising = rise(clock, settings.warmup)
    if rising is not None:
        return rising
    after = max(1, clock.steps - warmup_steps(clock, settings.warmup))
    falling = min(1.0, settings.decay * clock.steps / after)  # share of what follows the warmup
    left = 1 - progress(clock, settings.warmup)
    height = 1.0 if left >= falling else left / falling
    return settings.final_factor + (1 - settings.final_factor) * height
