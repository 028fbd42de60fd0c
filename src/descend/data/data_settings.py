"""This file holds the settings that say what the data is and how it is split."""

from pydantic import PrivateAttr

from descend.data.examples import Levels
from descend.settings import Settings, setting


class DataSettings(Settings):
    target: tuple[str, ...] = setting(
        (), "column to predict, by name or number (1 is the first, -1 the last); several allowed"
    )
    ignore: tuple[str, ...] = setting(
        (), "columns not to learn from, by name or number like target"
    )
    time: str | None = setting(None, "column of dates or times: a time series, split in time order")
    lags: tuple[int, ...] = setting(
        (), "steps back in time whose values become features; default 1 7 28 56", unit="steps"
    )
    group: str | None = setting(None, "column whose equal values never straddle a split")
    validation: str | None = setting(None, "file with the validation rows or images")
    test: str | None = setting(None, "file with the test rows or images")
    validation_share: float = setting(
        0.15, "share of the examples kept for validation", unit="share", above=0, below=0.9
    )
    test_share: float = setting(
        0.15, "share of the examples kept for the final test", unit="share", at_least=0, below=0.9
    )
    folds: int = setting(
        1, "parts of a cross-validation; 1 is a single split", unit="parts", at_least=1
    )
    image_size: int | None = setting(
        None, "height and width images are brought to", unit="pixels", at_least=4, at_most=4096,
        derived="the images' own size when all agree, else their middle size; at most 128",
    )  # fmt: skip
    max_pixels: int = setting(
        178_956_970, "an image with more is refused (decompression bomb)", unit="pixels", at_least=1
    )
    leave_out_extreme: bool = setting(
        False, "leave out rows listed as extreme instead of only naming them"
    )
    workers: int | None = setting(
        None,
        "threads that decode files",
        unit="threads",
        at_least=1,
        at_most=1024,
        derived="the number of cores",
    )
    _levels: Levels = PrivateAttr(Levels())

    @property
    def levels(self) -> Levels:
        """What other data were already read with; nothing a user sets."""
        return self._levels

    def with_levels(self, levels: Levels) -> "DataSettings":
        """The same, to read further images as the first ones were."""
        copy = self.model_copy()
        copy._levels = levels
        return copy
