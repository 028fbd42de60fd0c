"""One learning rate throughout."""

from descend.forms import Clock
from descend.schedules._warmup import WarmupSettings, after_warmup

Settings = WarmupSettings


def factor(clock: Clock, settings: WarmupSettings) -> float:
    gentle, _ = after_warmup(clock, settings.warmup)
    return gentle
