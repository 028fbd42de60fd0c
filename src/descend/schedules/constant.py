"""This file is the constant learning rate."""

from descend.forms import Clock
from descend.schedules._warmup import UNIT, Warmup, rise
from descend.settings import Settings as SettingsBase
from descend.settings import setting


class Settings(SettingsBase):
    warmup: Warmup = setting(0.0, "rise from zero at the start", unit=UNIT)


def factor(clock: Clock, settings: Settings) -> float:
    rising = rise(clock, settings.warmup)
    return 1.0 if rising is None else rising
