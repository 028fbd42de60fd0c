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
from descend.tasks._blueprint import OPTIMIZERS

TASKS = Catalog("descend.tasks", "task")
SMALL_IMAGE = 64  # pixels of the shorter side; beyond, the plain network would be slow
FEW_ROWS = 10_000
WITHOUT_NORMS = ("linear", "lenet5", "mlp")  # networks for images that batch norm does not steady


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
    choose = _images if prepared.unit == "images" else _tables
    chosen = choose(prepared, given.get("batch_size"))
    return found | chosen | _for_other_choices(prepared, given, chosen)


def _for_other_choices(
    prepared: Prepared, given: Mapping[str, Any], chosen: Mapping[str, Derived]
) -> dict[str, Derived]:
    """What changes when the user named another network or optimizer than would be chosen."""
    found: dict[str, Derived] = {}
    optim = given.get("optim")
    model = given.get("model") or chosen["model"].value
    if optim is None and model in WITHOUT_NORMS and prepared.unit == "images":
        found["optim"] = Derived("adamw", f"{model} has no norms to steady larger steps")
        found["learning_rate"] = Derived(2e-3, "Adam's 0.001 doubled for a one-cycle peak")
        found["weight_decay"] = Derived(0.01, "AdamW's usual pull")
    elif optim is not None and optim != chosen["optim"].value:
        rate = OPTIMIZERS.load(optim).LEARNING_RATE
        found["learning_rate"] = Derived(rate, f"the default of {optim}")
        if prepared.unit == "rows":
            # Decay inside the gradient (all but AdamW's) is felt far more than beside it.
            found["weight_decay"] = Derived(1e-4, f"weak, since {optim} adds it to the gradient")
            if optim == "sgd":
                why = "columns alike in meaning make 0.1 diverge"
                found["learning_rate"] = Derived(0.01, why)
    return found


def fitting_task(prepared: Prepared) -> str:
    for name in TASKS.names:
        if prepared.targets.kind in TASKS.load(name).TARGETS:
            return name
    raise AssertionError(f"no task learns {prepared.targets.kind} targets")


def _images(prepared: Prepared, batch_size: int | None) -> dict[str, Derived]:
    form = prepared.preprocessing.form
    assert form.kind == "images"
    count = len(prepared.splits["train"])
    small = min(form.height, form.width) <= SMALL_IMAGE
    batch = batch_size or min(256 if small else 64, _batch_size(count, of=20, least=32))
    names = default_augmentations(form, len(prepared.targets.names))
    size, examples = f"{form.height}x{form.width} images", f"{count:,} training images"
    return {
        "model": Derived("cnn" if small else "resnet18", size),
        "optim": Derived("sgd", "the usual choice for convolutions with batch norm"),
        "learning_rate": Derived(
            float(f"{0.1 * (batch / 256) ** 0.5:.2g}"), f"0.1 for 256 images, scaled to {batch}"
        ),
        "weight_decay": Derived(5e-4, "the usual pull for convolutions"),
        "schedule": Derived("onecycle", "reaches a good score in few epochs"),
        "batch_size": Derived(batch, examples),
        "budget": Derived(Duration(_image_epochs(count, batch), "epochs"), examples),
        "ema": Derived(0.05, "the average of the last weights scores better"),
        "patience": Derived(0, "the schedule ends the run"),
        "augment": Derived(names, augment_reason(form)),
    }


def _tables(prepared: Prepared, batch_size: int | None) -> dict[str, Derived]:
    count = len(prepared.splits["train"])
    batch = batch_size or min(256, _batch_size(count, of=25, least=32))
    rows = f"{count:,} training rows"
    few = count < FEW_ROWS
    return {
        "model": Derived("mlp", "a table"),
        "optim": Derived("adamw", "columns of unlike scales"),
        "learning_rate": Derived(2e-3, "Adam's 0.001 doubled: the rate falls to 0"),
        "weight_decay": Derived(0.03, "tables overfit early"),
        "schedule": Derived("cosine", "a smooth end"),
        "dropout": Derived(0.3 if few else 0.15, rows),
        "batch_size": Derived(batch, rows),
        "budget": Derived(Duration(_table_epochs(count, batch), "epochs"), rows),
        "ema": Derived(0.05, "the average of the last weights scores better"),
        "patience": Derived(20, "tables overfit early"),
        "augment": Derived((), "a table"),
    }


def _batch_size(count: int, of: int, least: int) -> int:
    """About one `of`-th of the examples, as a power of two."""
    return max(least, 1 << max(0, (count // of).bit_length() - 1))


def _image_epochs(count: int, batch: int) -> int:
    """15 epochs of 51,000 images; fewer images are seen more often, as far as that helps."""
    updates = round(1200 * batch / count)  # a few hundred images need so many all the same
    return min(60, max(15, min(round(765_000 / count), max(45, updates))))


def _table_epochs(count: int, batch: int) -> int:
    """About 1,500 updates for few rows, 3,500 for many."""
    updates = 1500 if count < FEW_ROWS else 3500
    return min(500, max(10, round(updates * batch / count)))
