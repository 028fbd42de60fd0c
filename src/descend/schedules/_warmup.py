"""This file is the gentle start that every schedule can have."""

from descend import settings as s
from descend.forms import Clock


class WarmupSettings(s.Settings):
    warmup: float = s.setting(
        0.0,
        "gentle start: steps when 1 or more, a share of the run when less",
        unit="steps or share",
        at_least=0,
    )


def warmup_steps(warmup: float, clock: Clock) -> int:
    """A share becomes steps; never more than half of the run."""
    wanted = warmup if warmup >= 1 else warmup * clock.steps
    return min(round(wanted), clock.steps // 2)


def after_warmup(clock: Clock, warmup: float) -> tuple[float, float]:
    """(factor of the gentle start, share 0..1 of the rest of the run that is over)."""
    steps = warmup_steps(warmup, clock)
    gentle = min(1.0, (clock.step + 1) / (steps + 1))
    rest = max(1, clock.steps - 1 - steps)
    return gentle, min(1.0, max(0, clock.step - steps) / rest)
