"""This file holds what a page is made of: sections of blocks that a template shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from markupsafe import Markup

from descend.reports._figures import figure
from descend.reports.charts import Size

Kind = Literal["chart", "table", "matrix", "samples", "steps", "sentences", "shares"]
LONGEST_CELL = 160  # characters
LONGEST_TABLE = 200  # rows on the page; the evidence has them all


@dataclass(frozen=True)
class Block:
    """One picture or table of a section."""

    kind: Kind
    title: str
    data: Any
    caption: str = ""
    size: Size = "half"  # how much of the page's width it takes
    folded: bool = False  # closed until it is asked for


@dataclass(frozen=True)
class Section:
    name: str  # the anchor
    title: str
    lead: str = ""
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    text: str
    number: bool = False
    note: str = ""  # said more quietly beside it
    bar: float | None = None  # a share 0..1 drawn behind the text


def chart(title: str, svg: Markup, caption: str = "", *, size: Size = "half") -> Block:
    return Block("chart", title, svg, caption, size)


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    caption: str = "",
    *,
    folded: bool = False,
    size: Size = "wide",
) -> Block:
    """Cells may be values or Cell; a long table is cut, and says so."""
    cells = [[_cell(value) for value in row] for row in rows[:LONGEST_TABLE]]
    if len(rows) > LONGEST_TABLE:
        caption = f"{caption} The first {LONGEST_TABLE} of {len(rows)} rows.".strip()
    numeric = [bool(cells) and all(r[i].number for r in cells if r[i].text not in ("", "–"))
               for i in range(len(columns))]  # fmt: skip
    data = {"columns": list(zip(columns, numeric, strict=True)), "rows": cells}
    return Block("table", title, data, caption, size, folded)


def _cell(value: object) -> Cell:
    if isinstance(value, Cell):
        return value
    if value is None:
        return Cell("–")
    if isinstance(value, list | tuple):
        return Cell(", ".join(map(str, value)) or "none")
    if isinstance(value, str) and len(value) > LONGEST_CELL:
        return Cell(value[: LONGEST_CELL - 1] + "…")
    return Cell(figure(value), isinstance(value, int | float) and not isinstance(value, bool))
