"""This file is the verb `train`: from data to a trained, evaluated, explained model."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from descend import evidence, run
from descend.errors import RunError, SettingError, Stopped
from descend.reports.tensorboard import EventSink
from descend.run import RunFolder
from descend.show import Show, Silent
from descend.tasks._task import Task
from descend.training import plan as planning
from descend.training.session import Schedule, Session
from descend.training.stopping import listening, stopping_at_once
from descend.workflow import folds
from descend.workflow import recipe as recipes
from descend.workflow.design import Design, design
from descend.workflow.finish import finish
from descend.workflow.loading import check_fingerprint, load, show_findings
from descend.workflow.model_folder import keep_model, read_card, what_is_lost, write_card
from descend.workflow.preparation import Preparation, conditions, prepare_run, show_preparation
from descend.workflow.stopwatch import Stopwatch
from descend.workflow.trained import Run


def train(
    data: str | Path | None = None,
    *,
    recipe: str | Path | None = None,
    show: Show | None = None,
    **settings: object,
) -> Run:
    """Train on `data` and give back the run.

    Settings are the names of `descend recipe`; what is left out is derived from the data. Raises
    UserError when the data or a setting is wrong, Stopped when a signal ended it (saved).
    """
    show = show or Silent()
    source, values, recorded = _said(data, recipe, settings)
    choices = recipes.sort(values)
    if choices.data.folds > 1:
        return folds.cross_validate(source, choices, show, train_once)
    with torch.random.fork_rng():
        return train_once(source, choices, recorded, show)


def train_once(
    source: str, choices: recipes.Choices, recorded: Mapping[str, Any], show: Show, fold: int = 0
) -> Run:
    """One training on one split."""
    said, timer = choices.training, Stopwatch()
    reader, prepared = load(source, choices.data, said.seed, said.task, fold)
    show_findings(prepared, show)
    chosen = design(choices, prepared)
    before = recorded.get("source", {})
    if recorded and before.get("settings") != _digest(choices, chosen):
        show.say("the recipe was edited, so its plan and its number of steps are made anew")
        recorded = {}
    elif recorded:
        check_fingerprint(prepared, before.get("fingerprint"), source)
        chosen = design(choices, prepared, recorded.get("because"))
    timer.lap("data")
    ready = prepare_run(chosen, choices, recorded, show)
    show_preparation(ready, show)
    timer.lap("plan")
    found = {
        "reader": reader, "fingerprint": prepared.fingerprint, "fold": fold,
        "settings": _digest(choices, ready.design),
    }  # fmt: skip
    written = recipes.Recipe(
        source, choices.data, ready.design.training, dict(ready.design.entries),
        asdict(ready.plan), asdict(ready.horizon), found,
        dict(ready.design.reasons),
    )  # fmt: skip

    def fill(folder: RunFolder) -> None:
        write_card(folder, ready.design, ready.plan)
        _begin_evidence(folder, ready)
        folder.write_recipe(written.to_toml())

    name = said.name or _name(source, chosen)
    folder = run.create(Path(said.runs).expanduser(), name, fill, exact=said.name is not None)
    show.say(f"run folder: {folder.path}")
    return fit(folder, ready, show, timer)


def _digest(choices: recipes.Choices, chosen: Design) -> str:
    return recipes.settings_digest(choices.data, chosen.training, chosen.entries)


def fit(folder: RunFolder, ready: Preparation, show: Show, timer: Stopwatch) -> Run:
    """Train in this folder from its newest checkpoint, or from the start, and finish.

    Raises Stopped when a signal ended it; everything is saved then.
    """
    planning.apply(ready.plan)
    _set_determinism(ready.design.training.deterministic)
    task = ready.design.build(ready.plan)
    with run.alone_in(folder):
        _complete(folder, ready)
        session = session_for(folder, task, ready, show)
        with closing(session):
            going_on = session.restore(partial(what_is_lost, folder))
            if going_on:
                show.say(f"going on at step {session.standing.step:,} of {ready.horizon.steps:,}")
            elif not evidence.preamble_bytes(folder.evidence_file):  # its first line was damaged
                for record in ready.records():
                    session.recorder.write(record)
            with closing(EventSink(folder.tensorboard, session.standing.step)) as events:
                session.recorder.sinks.append(events)
                with listening() as stop:
                    standing = session.run(stop)
                if not standing.finished:
                    return _stopped(folder, session, stop.signal_number, show)
                timer.lap()
                timer.seconds["train"] = standing.seconds
                with stopping_at_once(f"{_SAVED}; go on with: descend resume {folder.path}"):
                    finish(folder, task, ready, session, show, timer)
    return Run(folder)


_SAVED = "stopped after training, which is saved"


def _complete(folder: RunFolder, ready: Preparation) -> None:
    """Write what a run folder begins with, where it is missing: a recipe alone is enough."""
    folder.result_file.unlink(missing_ok=True)  # of a model that was lost
    try:
        read_card(folder)
    except RunError:  # missing or damaged
        write_card(folder, ready.design, ready.plan)
    file = folder.evidence_file
    if not file.is_file() or file.stat().st_size == 0:
        _begin_evidence(folder, ready)


def _begin_evidence(folder: RunFolder, ready: Preparation) -> None:
    lines = [evidence.encode(record) + "\n" for record in ready.records()]
    run.write_text(folder.evidence_file, "".join(lines))


def _stopped(folder: RunFolder, session: Session, signal_number: int | None, show: Show) -> Run:
    text = (
        f"stopped at step {session.standing.step:,}, saved; "
        f"go on with: descend resume {folder.path}"
    )
    if signal_number is not None:
        raise Stopped(text, signal_number)
    show.say(text)
    return Run(folder)


def session_for(folder: RunFolder, task: Task, ready: Preparation, show: Show) -> Session:
    training, length = ready.design.training, ready.horizon
    return Session(
        task,
        folder,
        conditions(ready.design, ready.plan, length.steps),
        Schedule(
            evaluate_every=length.evaluate_every,
            patience=training.patience or 0,
            ema=training.ema or 0.0,
            checkpoint_seconds=training.checkpoint_minutes * 60,
            stop_after=training.stop_after,
        ),
        keep_model=partial(keep_model, folder),
        show=show,
    )


def _set_determinism(wanted: bool) -> None:
    torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.benchmark = not wanted


def _said(
    data: str | Path | None, recipe: str | Path | None, settings: Mapping[str, object]
) -> tuple[str, dict[str, object], dict[str, Any]]:
    """What to train on, all settings, and what a recipe recorded (its plan is repeated)."""
    values: dict[str, object] = {}
    recorded: dict[str, Any] = {}
    source = None
    if recipe is not None:
        source, values, recorded = recipes.read_settings(Path(recipe))
        recipes.check_file(values, Path(recipe))
        if any(name not in ("runs", "name", "stop_after") for name in settings):
            recorded = {}  # another budget, network or batch needs a plan and a length of its own
    if data is not None and _absolute(str(data)) != source:
        source = str(data)
        recorded = {}
    if source is None:
        raise SettingError("nothing to train on: name a folder, a file or 'digits'")
    values |= settings
    for name in ("validation", "test"):
        if isinstance(values.get(name), str | Path):
            values[name] = _absolute(str(values[name]))
    return _absolute(source), values, recorded


def _absolute(source: str) -> str:
    """A path that still holds when the command is run from elsewhere; other names stay."""
    path = Path(source).expanduser()
    return str(path.resolve()) if path.exists() else source


def _name(source: str, chosen: Design) -> str:
    stem = Path(source).name.split(".")[0] or "run"
    return f"{stem}-{(chosen.training.model or '').replace('/', '-')}"
