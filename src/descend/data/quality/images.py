"""This file looks for what is wrong with images: copies, wrong labels, blanks, rare classes."""

import hashlib

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from descend.data.examples import SPLITS, UNGIVEN, ImageSet, Issue

_NAMED = 10  # issues of one kind that are named one by one; the rest is counted
_IMBALANCE = 10.0  # largest over smallest class from which rare classes are listed
_DIGEST = 16  # bytes; two different images share one with a chance below 1e-28 at 10^5 images


def content_groups(pixels: Tensor) -> tuple[Tensor, bytes]:
    """A number per image that is equal for equal pixels, and the digests all joined."""
    rows = pixels.contiguous().flatten(1).numpy()
    digests = [hashlib.blake2b(row, digest_size=_DIGEST).digest() for row in rows]
    numbers: dict[bytes, int] = {}
    groups = [numbers.setdefault(digest, len(numbers)) for digest in digests]
    return torch.tensor(groups, dtype=torch.int64), b"".join(digests)


def find_blank(pixels: Tensor) -> Tensor:
    """Is every pixel of the image the same color? bool (n,)"""
    flat = pixels.flatten(2)  # (n, channels, pixels)
    return (flat.amax(2) == flat.amin(2)).all(1)


def inspect(images: ImageSet, codes: Tensor, groups: Tensor) -> tuple[Issue, ...]:
    """All that is found, by name; nothing is left out for it. `codes` tell each image's split."""
    return (
        *_blank(images),
        *_copies(images, codes, groups),
        *_imbalance(images),
        *_missing_classes(images, codes),
    )


def _blank(images: ImageSet) -> list[Issue]:
    places = torch.nonzero(find_blank(images.pixels)).flatten().tolist()
    text = "blank: every pixel has the same color"
    return _shortened([Issue("blank", images.names[i], text, dropped=False) for i in places])


def _copies(images: ImageSet, codes: Tensor, groups: Tensor) -> list[Issue]:
    order = numpy.argsort(groups.numpy(), kind="stable")
    starts = numpy.flatnonzero(numpy.diff(groups.numpy()[order], prepend=-1))
    across, labels, within = [], [], []
    for members in numpy.split(order, starts[1:]):
        if len(members) < 2:
            continue
        first, *others = (images.names[i] for i in members)
        listed = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        splits = sorted({int(codes[i]) for i in members} - {UNGIVEN})
        if len(splits) > 1:
            where = " and ".join(SPLITS[code] for code in splits)
            across.append(
                _copy("copy-across-splits", first, f"same pixels as {listed}: in {where}")
            )
        if _labels_differ(images, members):
            labels.append(_copy("copy-with-other-label", first, f"same pixels as {listed}"))
        if len(splits) < 2:
            within.append(_copy("copy", first, f"same pixels as {listed}"))
    return [*_shortened(across), *_shortened(labels), *_shortened(within)]


def _copy(kind: str, name: str, text: str) -> Issue:
    return Issue(kind, name, text, dropped=False)


def _labels_differ(images: ImageSet, members: NDArray[numpy.intp]) -> bool:
    if images.targets is None:
        return False
    rows = images.targets[torch.as_tensor(members)]
    return bool((rows != rows[0]).any())


def _imbalance(images: ImageSet) -> list[Issue]:
    if not images.classes or images.targets is None:
        return []
    counts = torch.bincount(images.targets, minlength=len(images.classes)).tolist()
    largest = max(counts)
    rare = [i for i, count in enumerate(counts) if 0 < count * _IMBALANCE <= largest]
    text = "{:,} images, the largest class has {:,}"
    return _shortened(
        [
            Issue("class-imbalance", images.classes[i], text.format(counts[i], largest), False)
            for i in rare
        ]
    )


def _missing_classes(images: ImageSet, codes: Tensor) -> list[Issue]:
    if not images.classes or images.targets is None:
        return []
    issues = []
    for code in torch.unique(codes[codes != UNGIVEN]).tolist():
        counts = torch.bincount(images.targets[codes == code], minlength=len(images.classes))
        for i in torch.nonzero(counts == 0).flatten().tolist():
            text = f"none of its images is in the {SPLITS[code]} split"
            issues.append(Issue("class-not-in-split", images.classes[i], text, dropped=False))
    return _shortened(issues)


def _shortened(issues: list[Issue]) -> list[Issue]:
    if len(issues) <= _NAMED:
        return issues
    first, rest = issues[0], len(issues) - _NAMED
    more = Issue(first.kind, f"{rest:,} more", f"{len(issues):,} in all", first.dropped)
    return [*issues[:_NAMED], more]
