"""What nobody said is derived from the data, fits together, and comes with a reason."""

from dataclasses import replace

import pytest
import torch
from tests.tasks.test_supervised import Fitted, prepared

from descend.catalog import Catalog
from descend.data.examples import Prepared, Split, Targets
from descend.errors import SettingError
from descend.forms import ImageForm
from descend.settings import Duration, parse
from descend.tasks._defaults import derive
from descend.training.training_settings import TrainingSettings

CATALOGS = ("model", "optim", "schedule", "loss")
PACKAGES = {"model": "models", "optim": "optim", "schedule": "schedules", "loss": "losses"}


def images(count: int, side: int = 28, channels: int = 1) -> Prepared:
    pixels = torch.zeros(1, dtype=torch.uint8).expand(count, channels, side, side)
    split = Split((pixels,), torch.zeros(count, dtype=torch.int64), range_names(count))
    form = ImageForm(channels, side, side)
    targets = Targets("single-label", ("a", "b"), why="made for this test")
    return Prepared({"train": split, "validation": split}, Fitted(form), targets, "images", "", ())


def rows(count: int) -> Prepared:
    found = prepared("number")
    split = found.splits["train"].select(torch.zeros(count, dtype=torch.int64))
    return replace(found, splits={**found.splits, "train": split})


def range_names(count: int) -> list[str]:
    return [str(i) for i in range(count)]


DATA = [
    images(100, 8),
    images(1_500, 8),
    images(51_000),
    images(300, 128, 3),
    rows(70),
    rows(20_000),
]


@pytest.mark.parametrize("found", DATA)
def test_every_derived_value_is_allowed_exists_and_has_a_reason(found: Prepared) -> None:
    derived = derive(found, {})
    training = {k: v.value for k, v in derived.items() if k in TrainingSettings.model_fields}
    settings = parse(TrainingSettings, training)
    for kind in CATALOGS:
        assert getattr(settings, kind) in Catalog(f"descend.{PACKAGES[kind]}", kind)
    assert all(item.why for item in derived.values())
    assert (
        found.preprocessing.form.kind
        in Catalog("descend.models", "").load(derived["model"].value).INPUTS
    )


@pytest.mark.parametrize("found", DATA)
def test_small_data_get_updates_enough_and_large_data_epochs_few(found: Prepared) -> None:
    derived = derive(found, {})
    budget, batch = derived["budget"].value, derived["batch_size"].value
    assert isinstance(budget, Duration)
    updates = budget.amount * len(found.splits["train"]) / batch
    assert 180 <= updates <= 4_000


def test_a_larger_batch_is_given_a_higher_rate() -> None:
    small = derive(images(51_000), {"batch_size": 64})["learning_rate"].value
    large = derive(images(51_000), {"batch_size": 1024})["learning_rate"].value
    assert large == pytest.approx(4 * small)


def test_another_optimizer_brings_its_own_learning_rate() -> None:
    derived = derive(images(51_000), {"optim": "adam"})
    assert derived["learning_rate"].value == 0.001
    assert "adam" in derived["learning_rate"].why


def test_a_task_that_does_not_fit_the_targets_names_one_that_does() -> None:
    with pytest.raises(SettingError, match="--task regress"):
        derive(rows(70), {"task": "classify"})
