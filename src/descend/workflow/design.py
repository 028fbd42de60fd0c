"""This file makes every choice of a run: what was said, what is derived, and from what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from descend.data.examples import Prepared
from descend.errors import SettingError
from descend.settings import Duration, Settings, parse
from descend.tasks._blueprint import Blueprint
from descend.tasks._defaults import derive
from descend.tasks._task import Task
from descend.training.plan import Plan
from descend.training.precision import autocast
from descend.training.training_settings import TrainingSettings
from descend.workflow.recipe import CATALOGS, Choices, entry_settings

TASKS = CATALOGS["task"]


@dataclass(frozen=True)
class Design:
    """All choices of a run and the data they were made for."""

    prepared: Prepared
    training: TrainingSettings  # nothing left to derive but precision, threads and device
    entries: Mapping[str, Settings]
    reasons: Mapping[str, str]  # for what was derived: why

    def build(self, plan: Plan) -> Task:
        """A fresh task with seeded weights. SettingError when choices do not fit together."""
        training = self.training
        assert training.task is not None, "the task has been derived"
        module = TASKS.load(training.task)
        settings = self.entries[f"task {training.task}"]
        task: Task = module.build(self.blueprint(plan), settings)
        return task

    def blueprint(self, plan: Plan) -> Blueprint:
        t = self.training
        assert t.model and t.optim and t.schedule and t.loss and t.batch_size
        assert t.learning_rate is not None and t.weight_decay is not None
        return Blueprint(
            self.prepared, t.model, t.optim, t.schedule, t.loss, t.augment or (), self.entries,
            t.seed, t.batch_size, t.learning_rate, t.weight_decay, t.clip_norm,
            plan.torch_device, plan.memory_format, autocast(plan.torch_device, plan.precision),
        )  # fmt: skip

    def with_augment(self, names: tuple[str, ...], reason: str) -> "Design":
        """The same with other augmentations."""
        module = {name: CATALOGS["augment"].load(name) for name in names}
        kept = {k: v for k, v in self.entries.items() if not k.startswith("augment ")}
        own = {
            f"augment {n}": self.entries.get(f"augment {n}", m.Settings())
            for n, m in module.items()
        }
        training = self.training.model_copy(update={"augment": names})
        reasons = {**self.reasons, "augment": reason}
        return Design(self.prepared, training, {**kept, **own}, reasons)

    def with_budget(self, budget: Duration, reason: str) -> "Design":
        """The same for another length."""
        training = self.training.model_copy(update={"budget": budget})
        return replace(self, training=training, reasons={**self.reasons, "budget": reason})


def design(
    choices: Choices, prepared: Prepared, because: Mapping[str, str] | None = None
) -> Design:
    """Fill in what was left open. SettingError for a setting that fits nothing chosen.

    `because` are the reasons a recipe recorded, when nothing was changed since.
    """
    said = choices.training.model_dump()
    found = derive(prepared, said)
    filled = {
        name: found[name].value
        for name in TrainingSettings.model_fields
        if said[name] is None and name in found
    }
    training = parse(TrainingSettings, {**_without_none(said), **filled})
    if prepared.unit == "rows" and training.augment not in ((), ("none",)):
        names = ",".join(training.augment or ())
        raise SettingError(f"setting 'augment': {names} changes images, but these data are a table")
    if training.augment == ("none",):
        training = training.model_copy(update={"augment": ()})
    derived = {name: item.value for name, item in found.items()}
    entries = entry_settings(training, choices.entries, derived)
    owned = {name for settings in entries.values() for name in type(settings).model_fields}
    reasons = {
        name: item.why
        for name, item in found.items()
        if name in filled or (name in owned and name not in choices.entries)
    }
    return Design(prepared, training, entries, {**reasons, **(because or {})})


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
