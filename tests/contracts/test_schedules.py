"""This file holds the contract that every schedule of the catalog keeps."""

import math
from itertools import pairwise

import pytest

from descend.catalog import Catalog
from descend.errors import SettingError
from descend.forms import Clock
from descend.settings import parse

SCHEDULES = Catalog("descend.schedules", "schedule")
WARMUPS = ["0", "0.1", "20 steps", "2 epochs", "500 steps", "0.99"]


def course(name: str, steps: int, **settings: object) -> list[float]:
    entry = SCHEDULES.load(name)
    chosen = parse(entry.Settings, settings)
    return [entry.factor(Clock(step, steps, 25), chosen) for step in range(steps)]


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("name", SCHEDULES.names)
def test_every_factor_is_finite_and_between_0_and_1(name: str, warmup: str, steps: int) -> None:
    for factor in course(name, steps, warmup=warmup):
        assert math.isfinite(factor)
        assert 0 <= factor <= 1 + 1e-12


@pytest.mark.parametrize("name", SCHEDULES.names)
def test_it_never_jumps(name: str) -> None:
    factors = course(name, 1000, warmup="0.1")
    assert max(abs(a - b) for a, b in pairwise(factors)) < 0.02


@pytest.mark.parametrize("name", [name for name in SCHEDULES.names if name != "constant"])
def test_it_comes_near_the_top_and_ends_low(name: str) -> None:
    factors = course(name, 200)
    assert max(factors) > 0.99
    assert factors[-1] < 0.02
    assert factors[-1] > 0, "the last update must still move"


@pytest.mark.parametrize("name", SCHEDULES.names)
def test_warmup_in_steps_rises_from_low_to_the_top(name: str) -> None:
    factors = course(name, 200, warmup="20 steps")
    assert factors[0] < 0.1
    assert factors[:20] == sorted(factors[:20])
    assert factors[20] > 0.99


@pytest.mark.parametrize("name", SCHEDULES.names)
def test_it_is_stateless(name: str) -> None:
    assert course(name, 50)[30:] == course(name, 50)[30:]
    entry = SCHEDULES.load(name)
    beyond = entry.factor(Clock(60, 50, 25), entry.Settings())  # a run that was prolonged
    assert 0 <= beyond <= 1


@pytest.mark.parametrize("wrong", ["1.5", "3 minutes", "-0.1", "soon", "nan"])
def test_an_impossible_warmup_is_one_clear_line(wrong: str) -> None:
    with pytest.raises(SettingError, match="setting 'warmup'"):
        parse(SCHEDULES.load("cosine").Settings, {"warmup": wrong})


def test_a_warmup_survives_being_written_and_read() -> None:
    settings_class = SCHEDULES.load("cosine").Settings
    for text in ("500 steps", "0.25", "2 epochs"):
        settings = parse(settings_class, {"warmup": text})
        assert parse(settings_class, settings.model_dump()) == settings
