"""This file holds the warmup that every schedule can begin with."""

import math
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from descend.forms import Clock
from descend.settings import Duration, parse_duration


def _parse(value: object) -> object:
    """A duration in steps or epochs, or a share of the run as a number."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = parse_duration(value)
    if isinstance(value, Duration):
        if value.unit == "minutes":
            raise ValueError("expected steps, epochs or a share of the run, not minutes")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError("expected '500 steps', '2 epochs' or a share of the run from 0 to below 1")
    return float(value)


def _text(value: Duration | float) -> str | float:
    return str(value) if isinstance(value, Duration) else value


Warmup = Annotated[Duration | float, BeforeValidator(_parse), PlainSerializer(_text)]
UNIT = "steps, epochs or share of the run"


def warmup_steps(clock: Clock, warmup: Duration | float) -> int:
    """How many updates the warmup takes, at most all but one."""
    if isinstance(warmup, Duration):
        length = warmup.amount * (clock.steps_per_epoch if warmup.unit == "epochs" else 1)
    else:
        length = warmup * clock.steps
    return max(0, min(math.ceil(length), clock.steps - 1))


def rise(clock: Clock, warmup: Duration | float, start: float = 0.0) -> float | None:
    """The factor while warming up, a straight line to 1; None once that is over."""
    length = warmup_steps(clock, warmup)
    if clock.step >= length:
        return None
    return start + (1 - start) * (clock.step + 1) / (length + 1)


def progress(clock: Clock, warmup: Duration | float) -> float:
    """Share of the updates after the warmup already done: 0 at its end, below 1 at the last."""
    length = warmup_steps(clock, warmup)
    return min(1.0, max(0, clock.step - length) / max(1, clock.steps - length))
