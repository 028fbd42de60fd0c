"""This file is the verb `resume`: go on as if never stopped."""

from functools import partial
from pathlib import Path

import torch

from descend.errors import DataError, RunError
from descend.reports.page import write_report
from descend.run import RunFolder, open_run, read_json
from descend.show import Show, Silent
from descend.training.horizon import Horizon
from descend.training.plan import Plan, find_device
from descend.workflow import folds, recipe
from descend.workflow.design import design
from descend.workflow.model_folder import what_is_lost
from descend.workflow.own_data import own_data
from descend.workflow.preparation import Preparation
from descend.workflow.stopwatch import Stopwatch
from descend.workflow.train import fit, train_once
from descend.workflow.trained import Run


def resume(
    run: str | Path,
    *,
    data: str | Path | None = None,
    stop_after: int | None = None,
    show: Show | None = None,
) -> Run:
    """Continue a stopped or killed run; `data` says where its data are now, if they moved.

    `stop_after` stops and saves again after this many updates, counted from the run's beginning.
    The result is bit-equal to that of a run never stopped, on the same machine and versions.
    """
    show = show or Silent()
    folder = open_run(run)
    if _is_done(folder, show):
        return Run(folder)
    source, values, recorded = recipe.read_settings(folder.recipe_file)
    choices = recipe.sort({**values, "stop_after": stop_after}, f"{folder.recipe_file}: ")
    if choices.data.folds > 1 and folds.is_cross_validation(folder, recorded):
        fold = partial(resume, data=data, stop_after=stop_after, show=show)
        place = str(data if data is not None else source)
        return folds.complete(folder, place, choices, show, train_once, fold)
    timer = Stopwatch()
    with torch.random.fork_rng():
        ready = reopen(folder, data, show, stop_after)
        timer.lap("data")
        return fit(folder, ready, show, timer)


def _is_done(folder: RunFolder, show: Show) -> bool:
    """Whether nothing is left to do; a report that was not written any more is made here."""
    if not folder.result_file.is_file():
        return False
    result = read_json(folder.result_file)
    if not isinstance(result, dict):
        raise RunError(f"{folder.result_file} is damaged: it holds no object; delete it and resume")
    lost = "" if "folds" in result else what_is_lost(folder, best_step=1)
    if lost:
        show.say(lost)
        return False
    show.say(f"{folder.path} is finished already")
    if not folder.report_file.is_file():
        show.say(f"report: {write_report(folder)}")
    return True


def reopen(
    folder: RunFolder, data: str | Path | None, show: Show, stop_after: int | None
) -> Preparation:
    """The run as it was about to start, from its recipe. RunError when the data have changed."""
    recipe.check_as_begun(folder.recipe_file)
    if data is None:
        _check_place(folder)
    own = own_data(folder, data, stop_after)
    _announce_versions(own.recorded.get("versions", {}), show)
    plan = Plan(**own.recorded["plan"])
    find_device(plan.device)
    horizon = Horizon(**own.recorded["horizon"])
    chosen = design(own.choices, own.prepared, own.recorded.get("because"))
    return Preparation(chosen, plan, horizon)


def _check_place(folder: RunFolder) -> None:
    source, _, _ = recipe.read_settings(folder.recipe_file)
    if source is not None and Path(source).is_absolute() and not Path(source).exists():
        raise DataError(
            f"the data of this run are no longer at {source}; "
            f"say where they are: descend resume {folder.path} --data PATH"
        )


def _announce_versions(before: dict[str, str], show: Show) -> None:
    now = recipe.versions()
    changed = [f"{k} {before[k]} -> {now[k]}" for k in before if now.get(k, before[k]) != before[k]]
    if changed:
        show.say(f"inexact: versions have changed since the run began ({', '.join(changed)})")
