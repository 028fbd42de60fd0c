"""This file turns the bytes of a delimited text file into rows of text cells.

It finds the encoding, the delimiter and whether the first row is a header, and names rows that do
not fit. Nothing is guessed silently: every choice that was not plain is a sentence in `notes`.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from descend.data.examples import Issue
from descend.data.readers._table_cells import is_date, is_missing, is_number
from descend.errors import DataError

# A delimiter that cuts all lines alike is the right one; where several do, the one that is rarest
# inside texts and numbers comes first (a comma may be a decimal mark).
DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma"}
SAMPLE_LINES = 200  # lines read to find the delimiter
WIDEST = 65536  # characters of a line looked at; csv refuses cells of twice as many
RAGGED_SHARE = 0.05  # more rows than this of a wrong length: the file is not what we think it is
NAMED = 5  # rows named one by one; the rest is counted


@dataclass(frozen=True)
class TextTable:
    """Cells as text, stripped of outer spaces; None where a cell is missing."""

    frame: pl.DataFrame  # columns named "0", "1", …
    header: tuple[str, ...] | None  # the names as they stand in the file
    rows: np.ndarray  # number of each row in the file, from 1, the header not counted
    notes: tuple[str, ...]
    issues: tuple[Issue, ...]


def read_text_table(
    content: bytes, name: str, expected: tuple[str, ...] | None = None
) -> TextTable:
    """`expected` are the column names of a table this one goes with; they settle the header."""
    text, notes = decode(content, name)
    least = 1 if expected is not None and len(expected) <= 2 else 2  # a target may be left out
    text, delimiter = _delimiter(text, name, least)
    issues: list[Issue] = []
    frame, rows = _cells(text, delimiter, name, issues)
    header = _header(frame, expected)
    if header is not None:
        frame, rows = frame[1:], rows[1:]
    else:
        rows = rows + 1
    if not len(frame):
        raise DataError(f"{name}: no rows below the header; expected at least one")
    frame, header = _without_empty(frame, header, name, least)
    if DELIMITERS.get(delimiter, "") not in ("comma", "tab"):
        notes.append(f"cells are separated by {DELIMITERS.get(delimiter, 'spaces')}")
    if header is None:
        notes.append(f"no header: the columns are named c1 to c{frame.width}")
    return TextTable(frame, header, rows, tuple(notes), tuple(issues))


def decode(content: bytes, name: str) -> tuple[str, list[str]]:
    """The text of a file, and a note where its encoding is not UTF-8."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            notes = [] if encoding == "utf-8-sig" else [f"encoded in {encoding.upper()}"]
            return _decoded(content, encoding, name), notes
    head = content[:4096]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        high, low = head[start::2], head[1 - start :: 2]
        if len(head) >= 4 and high.count(0) > 0.7 * len(high) and not low.count(0):
            return _decoded(content, encoding, name), [f"encoded in {encoding.upper()}"]
    if b"\0" in content:
        raise DataError(f"{name}: holds zero bytes, so it is not a text table; expected CSV or TSV")
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        note = f"not UTF-8 (first in line {line}): read as Latin-1 (Windows-1252)"
        return content.decode("cp1252", errors="replace"), [note]


def _decoded(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: marked as {encoding} but byte {error.start} is not; save it as UTF-8"
        ) from None


def _delimiter(text: str, name: str, least: int) -> tuple[str, str]:
    """The text with plain line ends, and the delimiter of its cells."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not text.strip():
        raise DataError(f"{name}: is empty; expected a table with a row per example")
    declared = re.match(r"sep=(.)\n", text, re.IGNORECASE)  # written by Excel
    if declared:
        return text[declared.end() :], declared.group(1)
    text = _without_remarks(text)
    lines = [line[:WIDEST] for line in text[: 1 << 18].split("\n")[:SAMPLE_LINES]]
    best, score = "", 0.0
    for delimiter in DELIMITERS:
        share = delimiter_share(lines, delimiter)
        if share > score + 1e-9:
            best, score = delimiter, share
    if not best and least == 1:
        return text, ","
    if not best:
        return _spaces(text, lines, name)
    return text, best


def _without_remarks(text: str) -> str:
    """The text below its lines of remarks.

    A # line cut like the row below it is a header, unless it starts as a sentence does and the row
    below holds no number, so may be the header itself.
    """
    above, below = "", text
    while below.startswith("#") and "\n" in below:
        above, below = below[: below.index("\n") + 1], below[below.index("\n") + 1 :].lstrip("\n")
    row = below.split("\n", 1)[0][:WIDEST]
    header = above.strip()[:WIDEST]
    same = [mark for mark in DELIMITERS if 0 < row.count(mark) == header.count(mark)]
    names = any(not header.startswith("# ") or any(map(is_number, row.split(m))) for m in same)
    return above + below if names else below


def delimiter_share(lines: list[str], delimiter: str) -> float:
    """Share of the lines that this delimiter cuts into the most frequent count of cells above 1."""
    widths = Counter(
        len(row)
        for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t")
        if row
    )
    several = {width: count for width, count in widths.items() if width > 1}
    return max(several.values()) / sum(widths.values()) if several else 0.0


def _spaces(text: str, lines: list[str], name: str) -> tuple[str, str]:
    """Columns aligned by spaces, as old files have them."""
    widths = {len(line.split()) for line in lines if line.strip()}
    if len(widths) == 1 and widths != {1}:
        return "\n".join(" ".join(line.split()) for line in text.split("\n")), " "
    raise DataError(
        f"{name}: only one column found ({lines[0][:40]!r}); expected cells separated by comma, "
        "semicolon, tab or pipe"
    )


def _cells(
    text: str, delimiter: str, name: str, issues: list[Issue]
) -> tuple[pl.DataFrame, np.ndarray]:
    frame = _fast(text, delimiter)
    if frame is not None:
        rows = np.arange(len(frame))
    else:
        frame, rows = _exact(text, delimiter, name, issues)
    stripped = frame.with_columns(pl.all().str.strip_chars())
    return stripped.with_columns(pl.all().replace("", None)), rows


def _fast(text: str, delimiter: str) -> pl.DataFrame | None:
    """Cells of a text without quotes whose lines all have one width; None for any other."""
    if '"' in text or ord(delimiter) > 127:
        return None
    content = text.encode()
    codes = np.frombuffer(content, np.uint8)
    ends = np.r_[np.flatnonzero(codes == ord("\n")), len(codes)]
    cuts = np.flatnonzero(codes == ord(delimiter))
    widths = np.diff(np.searchsorted(cuts, ends), prepend=0)
    if (widths == 0).any() or (widths != widths[0]).any():
        return None
    names = [str(column) for column in range(int(widths[0]) + 1)]
    return pl.read_csv(
        io.BytesIO(content), has_header=False, new_columns=names, separator=delimiter,
        infer_schema=False, quote_char=None,
    )  # fmt: skip


def _exact(
    text: str, delimiter: str, name: str, issues: list[Issue]
) -> tuple[pl.DataFrame, np.ndarray]:
    """Row by row, so that quotes are read right and rows of another length are named."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=delimiter != "\t")
    lines = text.split("\n")
    rows: list[list[str]] = []
    spans: list[tuple[int, int]] = []  # of each row: its first line and the line after it, from 0
    start = 0
    try:
        for row in reader:
            if len(row) > 1 or any(map(str.strip, row)) or (row and '"' in lines[start]):
                rows.append(row)  # empty cells are a row, an empty line is none
                spans.append((start, reader.line_num))
            start = reader.line_num
    except csv.Error as error:
        raise DataError(f"{name} line {reader.line_num}: {error}; is a quote left open?") from None
    if text.count('"') % 2 and any("\n" in cell for cell in rows[-1]):
        raise DataError(
            f"{name} row {len(rows) - 1}: a quote is opened and never closed; close it or double it"
        )
    widths = [len(row) for row in rows]
    width = Counter(widths[1:] or widths).most_common(1)[0][0]
    if len(rows) > 1 and widths[0] != width:
        _mend_header(rows, width, name)
    _name_swallowed(spans, lines, delimiter, width, name, issues)
    kept = _named_ragged(rows, width, name, issues)
    columns = list(zip(*(rows[index] for index in kept), strict=True))
    frame = pl.DataFrame([pl.Series(str(at), cells, pl.String) for at, cells in enumerate(columns)])
    return frame, np.asarray(kept)


def _name_swallowed(
    spans: list[tuple[int, int]],
    lines: list[str],
    delimiter: str,
    width: int,
    name: str,
    issues: list[Issue],
) -> None:
    """Rows whose cells go over several lines that look like rows: a stray quote swallows rows."""
    found = [
        (index, first, after)
        for index, (first, after) in enumerate(spans)
        if after - first > 1 and _like_rows(lines[first + 1 : after], delimiter, width)
    ]
    for index, first, after in found[:NAMED]:
        said = (
            f"a quoted cell goes over {after - first} lines (from {lines[first]!r:.60}) that look "
            "like rows of their own and are lost; if the quote is a mistake, take it out"
        )
        issues.append(Issue("swallowed-rows", f"{name} row {index}", said, True))
    if len(found) > NAMED:
        said = f"{len(found) - NAMED} more rows have cells over lines that look like rows"
        issues.append(Issue("swallowed-rows", name, said, True))


def _like_rows(lines: list[str], delimiter: str, width: int) -> bool:
    return width > 1 and any(line.count(delimiter) == width - 1 for line in lines)


def _mend_header(rows: list[list[str]], width: int, name: str) -> None:
    """A header one name short stands above row names (R) or a delimiter at each line's end."""
    full = [row for row in rows[1:] if len(row) == width]
    if len(rows[0]) == width - 1:
        ends_empty = all(not row[-1].strip() for row in full)
        rows[0] = [*rows[0], ""] if ends_empty else ["", *rows[0]]
    elif len(rows[0]) == width + 1 and not rows[0][-1].strip():
        rows[0] = rows[0][:-1]
    else:
        raise DataError(
            f"{name}: the first row has {len(rows[0])} cells, the others have {width}; "
            "make them agree"
        )


def _named_ragged(rows: list[list[str]], width: int, name: str, issues: list[Issue]) -> list[int]:
    kept = [index for index, row in enumerate(rows) if len(row) == width]
    ragged = [index for index, row in enumerate(rows) if len(row) != width]
    if not ragged:
        return kept
    first = f"row {ragged[0]} has {len(rows[ragged[0]])} cells, expected {width}"
    if len(ragged) > max(1, RAGGED_SHARE * len(rows)):
        raise DataError(f"{name}: {len(ragged)} rows do not fit the table: {first}; mend the file")
    for index in ragged[:NAMED]:
        text = f"has {len(rows[index])} cells, expected {width}"
        issues.append(Issue("ragged-row", f"{name} row {index}", text, True))
    if len(ragged) > NAMED:
        text = f"{len(ragged) - NAMED} more rows do not have {width} cells"
        issues.append(Issue("ragged-row", name, text, True))
    return kept


def _header(frame: pl.DataFrame, expected: tuple[str, ...] | None) -> tuple[str, ...] | None:
    first = tuple(cell or "" for cell in frame.row(0))
    if expected is not None and len(set(first) & set(expected)) > len(expected) / 2:
        return first
    if len(frame) == 1:
        plain = all(cell and not is_number(cell) for cell in first)
        return first if plain and expected is None else None
    return first if _is_header(first, frame[1:2001]) else None


def _is_header(first: tuple[str, ...], rest: pl.DataFrame) -> bool:
    if [*first] in ([str(i) for i in range(len(first))], [str(i + 1) for i in range(len(first))]):
        return True
    plain = [not is_missing(cell) and not is_number(cell) and not is_date(cell) for cell in first]
    columns = [column.drop_nulls() for column in rest.iter_columns()]
    for names_column, column in zip(plain, columns, strict=True):
        sample = [cell for cell in column.head(50).to_list() if not is_missing(cell)]
        typed = sum(is_number(cell) or is_date(cell) for cell in sample)
        if names_column and sample and typed >= 0.9 * len(sample):
            return True
    if not all(plain[at] or not cell for at, cell in enumerate(first)) or not any(plain):
        return False
    # All cells are text: a name does not come again below itself, a value sooner or later does.
    recurs = sum(cell in column for cell, column in zip(first, columns, strict=True) if cell)
    return recurs == 0 and len(set(first)) == len(first)


def _without_empty(
    frame: pl.DataFrame, header: tuple[str, ...] | None, name: str, least: int
) -> tuple[pl.DataFrame, tuple[str, ...] | None]:
    """Drop columns that have neither name nor value: delimiters at the end of each line."""
    kept = [
        at
        for at, column in enumerate(frame.iter_columns())
        if column.null_count() < len(frame) or (header is not None and header[at])
    ]
    if len(kept) < least:
        raise DataError(f"{name}: only one column holds values; expected at least two")
    header = None if header is None else tuple(header[at] for at in kept)
    frame = frame.select(pl.nth(kept))
    frame.columns = [str(at) for at in range(len(kept))]
    return frame, header
