"""This file derives every choice the user left open, each with its reason.

The numbers were chosen by validation scores on several data sets at once; benchmarks/LOG.md has
what was tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from descend.catalog import Catalog
from descend.data.augment._choose import default_augmentations
from descend.data.augment._choose import reason as augment_reason
from descend.data.examples import Prepared
from descend.errors import SettingError
from descend.settings import Duration

TASKS = Catalog("descend.tasks", "task")
SMALL_IMAGE = 64  # pixels of the shorter side; beyond, the plain network would be slow


@dataclass(frozen=True)
class Derived:
    """A value nobody gave, and why it was chosen."""

    value: Any
    why: str


def derive(prepared: Prepared, given: Mapping[str, Any]) -> dict[str, Derived]:
    """Values for the settings in `given` that are None, and defaults of the entries' settings."""
    task = given.get("task") or fitting_task(prepared)
    module = TASKS.load(task)
    kind = prepared.targets.kind
    if kind not in module.TARGETS:
        raise SettingError(
            f"task {task!r} learns {' or '.join(sorted(module.TARGETS))} targets, these are {kind} "
            f"({prepared.targets.why}); choose --task {fitting_task(prepared)}"
        )
    found = {"task": Derived(task, prepared.targets.why)}
    found["loss"] = Derived(module.LOSS.get(kind, ""), f"{kind} targets")
    chosen = _images(prepared) if prepared.unit == "images" else _tables(prepared)
    found |= chosen
    model = given.get("model") or chosen["model"].value
    optim = given.get("optim") or chosen["optim"].value
    if optim != chosen["optim"].value:
        rate = Catalog("descend.optim", "optimizer").load(optim).LEARNING_RATE
        found["learning_rate"] = Derived(rate, f"the default of {optim}")
    if model in ("linear", "lenet5") and prepared.unit == "images":
        found["optim"] = Derived("adamw", f"{model} has no norms to steady larger steps")
        if given.get("optim") is None:
            found["learning_rate"] = Derived(2e-3, "Adam's 0.001 doubled for a one-cycle peak")
            found["weight_decay"] = Derived(0.01, "AdamW's usual pull")
    return found


def fitting_task(prepared: Prepared) -> str:
    for name in TASKS.names:
        if prepared.targets.kind in TASKS.load(name).TARGETS:
            return name
    raise AssertionError(f"no task learns {prepared.targets.kind} targets")


def _images(prepared: Prepared) -> dict[str, Derived]:
    form = prepared.preprocessing.form
    assert form.kind == "images"
    count = len(prepared.splits["train"])
    small = min(form.height, form.width) <= SMALL_IMAGE
    batch = _batch_size(count, 32, 256 if small else 64)
    epochs = _epochs(count, least=12, most=60)
    names = default_augmentations(form, len(prepared.targets.names))
    size = f"{form.height}x{form.width} images"
    return {
        "model": Derived("cnn" if small else "resnet18", size),
        "optim": Derived("sgd", "the usual choice for convolutions with batch norm"),
        "learning_rate": Derived(0.1 * batch / 256, f"0.1 for 256 images, scaled to {batch}"),
        "weight_decay": Derived(5e-4, "the usual pull for convolutions"),
        "schedule": Derived("onecycle", "reaches a good score in few epochs"),
        "label_smoothing": Derived(0.1, "keeps probabilities honest"),
        "batch_size": Derived(batch, f"{count:,} training images"),
        "budget": Derived(Duration(epochs, "epochs"), f"{count:,} training images"),
        "ema": Derived(0.05, "the average of the last weights scores better"),
        "patience": Derived(0, "the schedule ends the run"),
        "augment": Derived(names, augment_reason(form)),
    }


def _tables(prepared: Prepared) -> dict[str, Derived]:
    count = len(prepared.splits["train"])
    batch = _batch_size(count, 32, 256)
    epochs = _epochs(count, least=60, most=200)
    return {
        "model": Derived("mlp", "a table"),
        "optim": Derived("adamw", "columns of unlike scales"),
        "learning_rate": Derived(1e-3, "Adam's default"),
        "weight_decay": Derived(0.03, "tables overfit early"),
        "schedule": Derived("cosine", "a smooth end"),
        "batch_size": Derived(batch, f"{count:,} training rows"),
        "budget": Derived(Duration(epochs, "epochs"), f"{count:,} training rows"),
        "ema": Derived(0.05, "the average of the last weights scores better"),
        "patience": Derived(20, "tables overfit early"),
        "augment": Derived((), "a table"),
    }


def _batch_size(count: int, least: int, most: int) -> int:
    """About a fiftieth of the examples, as a power of two within bounds."""
    return min(most, max(least, 1 << max(0, (count // 50).bit_length() - 1)))


def _epochs(count: int, least: int, most: int) -> int:
    """Fewer epochs the more examples there are: 1,000 get `most`, 50,000 `least`."""
    return min(most, max(least, 60_000 * least // max(count, 1)))
