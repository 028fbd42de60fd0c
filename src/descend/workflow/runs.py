"""This file lists run folders and compares them; it reads text files only."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from descend import evidence
from descend.errors import RunError, did_you_mean
from descend.run import RunFolder, open_run, read_json
from descend.show import Show

AT_A_GLANCE = ("accuracy", "f1", "rmse", "r2", "loss")  # of a run's scores, the first three there
# Sections of a recipe that say where it ran, not what was asked for.
NOT_COMPARED = ("versions", "horizon", "plan", "because")
DIGESTS = ("settings", "length")  # of other settings, so they differ where those do
SHOWN_DIGITS = 12  # of a fingerprint


@dataclass(frozen=True)
class RunSummary:
    """A run folder at a glance."""

    name: str
    path: Path
    state: str  # "done", or "stopped at step 120"
    data: str
    task: str
    model: str
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)  # by split
    seconds: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Runs side by side."""

    runs: list[RunSummary]
    settings: dict[str, list[Any]]  # those that differ; None where a run does not have it
    metrics: dict[str, list[float | None]]  # "test accuracy" -> one value per run


def runs(folder: Path | str = "runs") -> list[RunSummary]:
    """All runs of a folder, by name. RunError when the folder is not there."""
    folder = Path(folder)
    if not folder.is_dir():
        raise RunError(f"no folder of runs at {folder}; train something, or name it with --runs")
    found = [path for path in folder.glob("[!.]*") if os.path.lexists(path / "recipe.toml")]
    return [_summary_of(RunFolder(path)) for path in sorted(found, key=lambda path: path.name)]


def _summary_of(folder: RunFolder) -> RunSummary:
    """Of a damaged run, what is wrong with it: the others are listed all the same."""
    try:
        return summarize(folder)
    except RunError as error:
        return RunSummary(folder.name, folder.path, f"damaged: {error}", "", "", "")


def compare(*paths: Path | str) -> Comparison:
    """The settings that differ between runs, and their last scores."""
    folders = [open_run(path) for path in paths]
    summaries = [summarize(folder) for folder in folders]
    flat = [_flat(folder.recipe()) for folder in folders]
    names = list(dict.fromkeys(name for settings in flat for name in settings))
    settings = {name: [values.get(name) for values in flat] for name in names}
    scores = [_flat(summary.metrics, " ") for summary in summaries]
    metrics = {
        name: [s.get(name) for s in scores] for name in dict.fromkeys(k for s in scores for k in s)
    }
    return Comparison(
        summaries,
        {
            name: found
            for name, found in settings.items()
            if name not in DIGESTS and any(v != found[0] for v in found)
        },
        metrics,
    )


def summarize(folder: RunFolder) -> RunSummary:
    recipe = folder.recipe()
    source, training = (_section(recipe, name, folder) for name in ("source", "training"))
    result = _result(folder) if folder.result_file.is_file() else None
    metrics, state = _unfinished(folder) if result is None else (result.get("metrics", {}), "done")
    return RunSummary(
        name=folder.name,
        path=folder.path,
        state=state,
        data=str(source.get("data", "")),
        task=str(training.get("task", "")),
        model=str(training.get("model", "")),
        metrics=metrics,
        seconds=None if result is None else result.get("seconds", {}).get("total"),
    )


def _section(recipe: Mapping[str, Any], name: str, folder: RunFolder) -> Mapping[str, Any]:
    section = recipe.get(name, {})
    if not isinstance(section, Mapping):
        raise RunError(f"{folder.recipe_file}: {name!r} is no section")
    return section


def _result(folder: RunFolder) -> Mapping[str, Any]:
    result = read_json(folder.result_file)
    parts = (result, result.get("metrics", {}), result.get("seconds", {})) if isinstance(
        result, Mapping) else (None,)  # fmt: skip
    if not all(isinstance(part, Mapping) for part in parts):
        raise RunError(f"{folder.result_file} is damaged: it does not hold a result")
    return parts[0] or {}


def show_runs(found: Sequence[RunSummary], show: Show) -> None:
    rows = [[r.name, r.state, r.data, r.task, r.model, _scores(r)] for r in found]
    show.table("", ["run", "state", "data", "task", "network", "scores"], rows)


def show_comparison(compared: Comparison, show: Show) -> None:
    names = [run.name for run in compared.runs]
    settings = [
        [
            name,
            *(str(_cell(v))[:SHOWN_DIGITS] if name == "fingerprint" else _cell(v) for v in found),
        ]
        for name, found in compared.settings.items()
    ]
    show.table("settings that differ", ["setting", *names], settings)
    if "fingerprint" in compared.settings:
        show.say("the runs' data differ, so their scores are not of the same examples")
    metrics = [[name, *map(_cell, found)] for name, found in compared.metrics.items()]
    show.table("scores", ["score", *names], metrics)


def find_run(name: str, folder: Path | str) -> Path:
    """A run by path, or by its name inside the folder of runs."""
    for path in (Path(name), Path(folder) / name):
        if path.is_dir():
            return path
    known = [run.name for run in runs(folder)] if Path(folder).is_dir() else []
    raise RunError(f"no such run: {name}; {did_you_mean(name, known)}")


def _unfinished(folder: RunFolder) -> tuple[dict[str, dict[str, float]], str]:
    records = evidence.read(folder.evidence_file)
    metrics = {r.split: r.metrics for r in evidence.select(records, evidence.Evaluation)}
    steps = [r.step for r in evidence.select(records, evidence.Update)]
    return metrics, f"stopped at step {steps[-1]}" if steps else "stopped before step 1"


def _scores(summary: RunSummary) -> str:
    split = next((s for s in ("test", "validation") if summary.metrics.get(s)), "")
    scores = summary.metrics.get(split, {})
    found = [name for name in AT_A_GLANCE if name in scores][:3]
    return f"{split} " + ", ".join(f"{k} {scores[k]:.4g}" for k in found) if found else ""


def _flat(sections: Mapping[str, Any], joint: str = "") -> dict[str, Any]:
    """One level: names are unique over a recipe's sections, over splits they need the split."""
    return dict(_flattened(sections, joint))


def _flattened(sections: Mapping[str, Any], joint: str) -> Iterator[tuple[str, Any]]:
    for section, values in sections.items():
        if section not in NOT_COMPARED and isinstance(values, Mapping):
            for name, value in values.items():
                yield f"{section}{joint}{name}" if joint else name, value


def _cell(value: object) -> object:
    if value is None:
        return "-"
    return " ".join(map(str, value)) if isinstance(value, list) else value
