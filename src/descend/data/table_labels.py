"""This file matches labels that say the same but are written otherwise: "<=50K." and "<=50K"."""

import re
from collections import defaultdict
from collections.abc import Iterable

import polars as pl

from descend.data.examples import Issue

_TAIL = re.compile(r"[\s.]+$")  # spaces and dots at the end


def matched(
    labels: pl.Series, known: Iterable[str], where: str
) -> tuple[pl.Series, tuple[Issue, ...]]:
    """Labels written as the known ones where only case, spaces or a final dot differ."""
    known = set(known)
    by_key: dict[str, list[str]] = defaultdict(list)
    for label in known:
        by_key[_key(label)].append(label)
    new = [label for label in labels.drop_nulls().unique().sort() if label not in known]
    same = {old: by_key[_key(old)][0] for old in new if len(by_key[_key(old)]) == 1}
    if not same:
        return labels, ()
    pairs = ", ".join(f"{old!r} as {name!r}" for old, name in same.items())
    said = f"labels taken for those of training: {pairs}"
    issue = Issue("labels-matched", f"{where} column {labels.name}", said, False)
    return labels.replace(same), (issue,)


def _key(label: str) -> str:
    return _TAIL.sub("", label).strip().casefold()
