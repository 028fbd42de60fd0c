"""This file turns names found in files into class codes and splits."""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from descend.data.examples import SPLITS, TEST, TRAIN, UNGIVEN, VALIDATION

_SPLIT_WORDS = {
    "train": TRAIN, "training": TRAIN,
    "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST, "t10k": TEST,
}  # fmt: skip
_SHOWN = 12  # classes listed by name in one sentence


def split_code(word: str) -> int:
    """The split a folder or key is named after, or UNGIVEN."""
    return _SPLIT_WORDS.get(word.lower(), UNGIVEN)


def encode_labels(labels: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
    """Codes int64 (n,) and class names; names that are all whole numbers are sorted as numbers."""
    classes = sort_names(set(labels))
    codes = {name: code for code, name in enumerate(classes)}
    return torch.tensor([codes[label] for label in labels], dtype=torch.int64), classes


def encode_numbers(values: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Whole numbers of any range as codes; the numbers become the class names."""
    numbers, codes = torch.unique(values, return_inverse=True)
    return codes.to(torch.int64), tuple(str(number) for number in numbers.tolist())


def sort_names(names: Iterable[str]) -> tuple[str, ...]:
    names = list(names)
    if all(name.isdecimal() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def describe_classes(codes: Tensor, classes: Sequence[str], noun: str = "images") -> str:
    """ "1,797 images in 10 classes: 0 178, 1 182, …"."""
    counts = torch.bincount(codes, minlength=len(classes)).tolist()
    listed = [f"{name} {count:,}" for name, count in zip(classes, counts, strict=True)]
    rest = f", … {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    total = f"{len(codes):,} {noun} in {len(classes)} classes"
    return f"{total}: {', '.join(listed[:_SHOWN])}{rest}"


def describe_split(given: Sequence[int], by: str) -> str:
    counts = Counter(given)
    parts = [f"{SPLITS[code]} {counts[code]:,}" for code in sorted(counts) if code != UNGIVEN]
    return f"split given by {by}: {', '.join(parts)}"
