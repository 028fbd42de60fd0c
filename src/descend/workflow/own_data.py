"""This file reads a run's own data again, by its recipe: split and prepared as when it began."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descend.data.examples import Prepared
from descend.errors import DataError, RunError
from descend.run import RunFolder
from descend.workflow import recipe
from descend.workflow.loading import check_fingerprint, load


@dataclass(frozen=True)
class OwnData:
    """The data a run was trained on and what its recipe says of them."""

    source: str
    choices: recipe.Choices
    recorded: dict[str, Any]  # sections of the recipe that are no settings
    prepared: Prepared


def own_data(
    folder: RunFolder, data: str | Path | None = None, stop_after: int | None = None
) -> OwnData:
    """`data` says where they are now, if they moved. RunError when they have changed."""
    source, values, recorded = recipe.read_settings(folder.recipe_file)
    source = str(data) if data is not None else source
    if source is None or "plan" not in recorded or "horizon" not in recorded:
        raise RunError(f"{folder.recipe_file} is not complete; train anew")
    if Path(source).is_absolute() and not Path(source).exists():
        raise DataError(
            f"the data of this run are no longer at {source}; put them back, or name other data"
        )
    choices = recipe.sort({**values, "stop_after": stop_after}, f"{folder.recipe_file}: ")
    found = recorded["source"]
    fold = int(found.get("fold", 0))
    _, prepared = load(source, choices.data, choices.training.seed, choices.training.task, fold)
    check_fingerprint(prepared, found.get("fingerprint"), source)
    return OwnData(source, choices, recorded, prepared)
