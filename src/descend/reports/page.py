"""This file writes report.html: one self-contained page from a run folder alone.

It reads evidence.jsonl, recipe.toml and result.json. Sections appear where there is evidence.
Tables of the evidence are placed by their names:
"baselines" (method, split, metric, value; its caption is the verdict) · "data", "split",
"classes", "columns", "missing", "issues" (the data) · "robustness" (change, unit, strength,
metric …) · "loss" (a term and its numbers per row) · "derived", "plan" (the settings) · any other
under "Closer looks".
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from descend.evidence import Evaluation
from descend.reports import _course, _scores, charts
from descend.reports._figures import SHARES, date, duration, figure, label, number
from descend.reports._run import RunData, read_run
from descend.run import RunFolder, write_text


@dataclass(frozen=True)
class Summary:
    """The first lines of the page."""

    title: str
    figure: str
    what: str  # "test accuracy"
    interval: str
    verdict: str
    comparison: Markup | None
    facts: list[tuple[str, str]]


def write_report(folder: RunFolder) -> Path:
    """Write the report of a run, finished or not, and return its path."""
    write_text(folder.report_file, render(read_run(folder)))
    return folder.report_file


def render(run: RunData) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [
        _scores.figures(run),
        _course.learning(run),
        _scores.mistakes(run),
        _scores.classes(run),
        _scores.residuals(run),
        _scores.confidence(run),
        _scores.robustness(run),
        _scores.one_loss(run),
        _course.more(run),
        _course.data(run),
        _course.settings(run),
        _course.time(run),
        _course.notes(run),
    ]
    shown = [section for section in sections if section.blocks]
    finished = date(run.finished) if run.finished is not None else ""
    page = environment.get_template("_page.html")
    return page.render(run=run, summary=_summary(run), sections=shown, finished=finished)


def _summary(run: RunData) -> Summary:
    judged, metric = run.judged, run.headline
    compared = run.table("baselines")
    verdict = (compared.caption if compared else "") or _said(run)
    if judged is None or not metric:
        return Summary(run.name, "", "", "", verdict, None, _facts(run))
    ends = judged.details.get("intervals", {}).get(metric)
    return Summary(
        run.name,
        figure(judged.metrics[metric], metric, run.unit),
        f"{judged.split} {label(metric)}",
        _scores.between(ends, metric) if ends else "",
        verdict,
        _comparison(run, judged, metric),
        _facts(run),
    )


def _said(run: RunData) -> str:
    """The verdict as it was told during the run."""
    said = [note.text for note in run.notes if note.text.startswith("The network ")]
    return said[-1] if said else ""


def _comparison(run: RunData, judged: Evaluation, metric: str) -> Markup | None:
    """The network and the baselines on one axis; None where there is nothing to compare."""
    compared = run.table("baselines")
    if compared is None:
        return None
    factor = 100 if metric in SHARES else 1
    others = [
        (str(method), factor * value, None)
        for method, split, name, value in compared.rows
        if split == judged.split and name == metric and method != "network"
    ]
    if not others:
        return None
    ends = judged.details.get("intervals", {}).get(metric)
    own = (factor * ends[0], factor * ends[1]) if ends else None
    unit = ", %" if factor == 100 else f", {run.unit}" if run.unit else ""
    rows = [("this network", factor * judged.metrics[metric], own), *others]
    return charts.comparison(rows, label(metric) + unit)


def _facts(run: RunData) -> list[tuple[str, str]]:
    """A few words that say what kind of run this was."""
    found: list[tuple[str, str]] = []
    names = {"task": "task", "model": "network", "optim": "optimizer", "batch_size": "batch size"}
    for name, shown in names.items():
        value = run.setting(name)
        if value not in (None, "", []):
            found.append((shown, figure(value)))
    result: dict[str, Any] = run.result
    if result.get("parameters"):
        found.insert(2, ("parameters", number(int(result["parameters"]))))
    if run.updates:
        found.append(("updates", number(run.updates[-1].step)))
    total = result.get("seconds", {}).get("total")
    if total:
        found.append(("time", duration(float(total))))
    if run.timings and (seconds := sum(t.seconds for t in run.timings)):
        rate = sum(t.items for t in run.timings) / seconds
        found.append((f"{run.timings[0].unit} per second", number(round(rate))))
    return found
