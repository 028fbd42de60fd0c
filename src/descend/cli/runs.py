"""This file is the verb `runs`: what was trained, and how two trainings differ."""

from dataclasses import asdict
from pathlib import Path

from descend.cli._call import Answer, Call, Positional
from descend.errors import SettingError, did_you_mean
from descend.settings import Settings, setting
from descend.workflow import runs

SUMMARY = "List the runs, or compare some: `descend runs compare RUN RUN`."
POSITIONALS = (
    Positional("action", "list, or compare", required=False),
    Positional("run", "run folders or their names, to compare", required=False, several=True),
)
RUN_SETTINGS = False
FOR_PROGRAMS = False
ACTIONS = ("list", "compare")


class Options(Settings):
    runs: str = setting("runs", "folder of the runs")


def run(call: Call) -> Answer:
    action = call.word_or_none("action") or "list"
    names = call.words["run"]
    if action not in ACTIONS:
        raise SettingError(f"unknown action {action!r}; {did_you_mean(action, ACTIONS)}")
    return _compare(call, names) if action == "compare" else _list(call, names)


def _list(call: Call, names: tuple[str, ...]) -> Answer:
    folder = Path(names[0]) if names else Path(call.options.runs)
    found = runs.runs(folder)
    if found:
        runs.show_runs(found, call.show)
    else:
        call.show.say(f"no runs in {folder}")
    return Answer({"runs": [asdict(summary) for summary in found]})


def _compare(call: Call, names: tuple[str, ...]) -> Answer:
    if len(names) < 2:
        raise SettingError("compare needs two runs or more: descend runs compare RUN RUN")
    compared = runs.compare(*(runs.find_run(name, call.options.runs) for name in names))
    runs.show_comparison(compared, call.show)
    return Answer(asdict(compared))
