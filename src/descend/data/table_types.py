"""This file names the types a column can have, as plain text that JSON keeps."""

import polars as pl

DTYPES: dict[str, pl.DataType] = {
    "whole number": pl.Int64(), "number": pl.Float64(), "date": pl.Datetime("us"),
    "text": pl.String(), "yes/no": pl.Boolean(),
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def column_types(frame: pl.DataFrame) -> dict[str, str]:
    return {name: _NAMES[dtype] for name, dtype in frame.schema.items()}


def type_name(dtype: pl.DataType) -> str:
    return _NAMES.get(dtype, str(dtype))
