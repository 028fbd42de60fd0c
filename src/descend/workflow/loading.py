"""This file reads data and prepares them: what `train`, `resume` and `evaluate` begin with."""

from descend.data import image_preparing, reading, table_preparing
from descend.data.data_settings import DataSettings
from descend.data.examples import ImageSet, Prepared
from descend.errors import RunError
from descend.show import Show

SHOWN_ISSUES = 12  # lines on the terminal; the report has all


def load(
    source: str, settings: DataSettings, seed: int, task: str | None, fold: int = 0
) -> tuple[str, Prepared]:
    """The reader's name and the data, split and fitted. DataError in one line."""
    reader, raw = reading.read(source, settings, seed)
    if isinstance(raw, ImageSet):
        return reader, image_preparing.prepare(raw, settings, seed, fold)
    return reader, table_preparing.prepare(raw, settings, seed, task, fold)


def check_fingerprint(prepared: Prepared, expected: str | None, source: str) -> None:
    """RunError when the data are no longer those that the run was trained on."""
    if expected is not None and prepared.fingerprint != expected:
        raise RunError(
            f"{source} has changed since this run began (its content or split differs); "
            "train anew, or put the data back as they were"
        )


def show_findings(prepared: Prepared, show: Show) -> None:
    for sentence in prepared.found:
        show.say(sentence)
    for issue in prepared.issues[:SHOWN_ISSUES]:
        left_out = " (left out)" if issue.dropped else ""
        show.say(f"  {issue.where}: {issue.text}{left_out}")
    more = len(prepared.issues) - SHOWN_ISSUES
    if more > 0:
        show.say(f"  … and {more} more; the report lists all")
