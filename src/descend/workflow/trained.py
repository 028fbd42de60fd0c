"""This file is the `Run` that the Python verbs give back."""

from pathlib import Path
from typing import Any

from descend.errors import RunError
from descend.run import RunFolder, open_run, read_json


class Run:
    """A run folder and what can be done with it; the same verbs as the command line."""

    def __init__(self, folder: RunFolder | Path | str) -> None:
        self.folder = folder if isinstance(folder, RunFolder) else open_run(folder)

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def finished(self) -> bool:
        return self.folder.result_file.is_file()

    @property
    def result(self) -> dict[str, Any]:
        """What `train --json` prints. RunError while the run is not finished."""
        if not self.finished:
            raise RunError(f"{self.path} is not finished; go on with: descend resume {self.path}")
        found: dict[str, Any] = read_json(self.folder.result_file)
        return found | {"run": str(self.path)}  # the folder may have been moved since

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Split -> metric -> value."""
        found: dict[str, dict[str, float]] = self.result["metrics"]
        return found

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"
