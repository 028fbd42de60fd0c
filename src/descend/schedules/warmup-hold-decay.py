"""A gentle start, a long hold at the peak, a straight way down (Hu et al. 2024, arXiv 2404.06395).

Known as WSD or trapezoidal; a run can be prolonged from its hold.
"""

from descend import settings as s
from descend.forms import Clock
from descend.schedules._warmup import after_warmup


class Settings(s.Settings):
    warmup: float = s.setting(
        0.05,
        "gentle start: steps when 1 or more, a share of the run when less",
        unit="steps or share",
        at_least=0,
    )
    decay: float = s.setting(0.3, "share of the run that goes down", above=0, at_most=1)


def factor(clock: Clock, settings: Settings) -> float:
    gentle, over = after_warmup(clock, settings.warmup)
    return gentle * min(1.0, (1 - over) / settings.decay)
