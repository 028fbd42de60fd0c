"""This file is the `Run` that the Python verbs give back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from descend.errors import RunError
from descend.run import RunFolder, open_run, read_json
from descend.show import Show
from descend.workflow.evaluate import evaluate
from descend.workflow.export import export
from descend.workflow.predict import predict
from descend.workflow.predicting import Thresholds


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

    def resume(
        self, *, data: str | Path | None = None, stop_after: int | None = None,
        show: Show | None = None,
    ) -> "Run":  # fmt: skip
        """Go on as if never stopped; see `descend.resume`."""
        from descend.workflow.resume import resume  # it gives back a Run, so it knows this file

        return resume(self.path, data=data, stop_after=stop_after, show=show)

    def predict(
        self,
        inputs: str | Path | Sequence[str | Path],
        *,
        output: str | Path | None = None,
        format: str | None = None,
        thresholds: Thresholds = None,
        device: str | None = None,
        show: Show | None = None,
    ) -> pl.DataFrame:
        """A row per image or row of `inputs`; see `descend.predict`."""
        return predict(
            self.folder, inputs, output=output, format=format, thresholds=thresholds,
            device=device, show=show,
        )  # fmt: skip

    def evaluate(
        self,
        data: str | Path | None = None,
        *,
        split: str | None = None,
        robust: bool = False,
        thresholds: Thresholds = None,
        device: str | None = None,
        show: Show | None = None,
    ) -> dict[str, Any]:
        """Scores on its own held-out data or on `data`; see `descend.evaluate`."""
        return evaluate(
            self.folder, data, split=split, robust=robust, thresholds=thresholds, device=device,
            show=show,
        )  # fmt: skip

    def export(
        self,
        *,
        formats: str | Sequence[str] | None = None,
        folder: str | Path | None = None,
        show: Show | None = None,
    ) -> dict[str, Any]:
        """ONNX and torch.export files; see `descend.export`."""
        return export(self.folder, formats=formats, folder=folder, show=show)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"
