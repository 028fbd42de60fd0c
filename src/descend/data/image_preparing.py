"""This file prepares images for a task: split, targets, and preprocessing fitted on training."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from descend.data.data_settings import DataSettings
from descend.data.examples import (
    SPLITS,
    TEST,
    TRAIN,
    UNGIVEN,
    VALIDATION,
    ImageSet,
    Issue,
    Prepared,
    Split,
    TargetKind,
    Targets,
)
from descend.data.image_preprocessing import fit, standardize
from descend.data.quality.images import content_groups, find_blank, inspect
from descend.data.split import fold_codes, split_codes
from descend.errors import DataError


def prepare(images: ImageSet, settings: DataSettings, seed: int, fold: int = 0) -> Prepared:
    """Split the images, fit on the training ones and list what is wrong with any.

    DataError when there is nothing to learn: no labels, one class, a class that cannot be split.
    """
    if settings.leave_out_extreme:
        images = _without_extreme(images)
    kind, why = target_kind(images)
    if kind == "single-label":
        _check_classes(images)
    groups, digests = content_groups(images.pixels)
    codes = _codes(images, kind, groups, settings, seed, fold)
    if kind == "single-label":
        _check_training_classes(images, codes)
    training = codes == TRAIN
    preprocessing = fit(images.pixels[training], settings.max_pixels, images.levels)
    targets = _targets(images, kind, why, training)
    return Prepared(
        splits=_splits(images, codes, targets),
        preprocessing=preprocessing,
        targets=targets,
        unit="images",
        fingerprint=_fingerprint(images, digests, codes),
        found=(*images.found, _describe(codes, images, settings, fold)),
        issues=(*images.issues, *inspect(images, codes, groups)),
    )


def target_kind(images: ImageSet) -> tuple[TargetKind, str]:
    """What is to be predicted and why it is taken for that."""
    targets = images.targets
    if targets is None:
        raise DataError("these images have no labels; expected one folder per class, or labels")
    if not targets.is_floating_point():
        return "single-label", f"each image has one of {len(images.classes)} classes"
    rows = targets.reshape(len(targets), -1)
    yes_or_no = bool(((rows == 0) | (rows == 1)).all())
    if yes_or_no and rows.shape[1] > 1 and bool((rows.sum(1) > 1).any()):
        return "multi-label", f"each image has any of {rows.shape[1]} labels (only 0 and 1)"
    return "number", f"each image has {rows.shape[1]} number(s) as target"


def _check_classes(images: ImageSet) -> None:
    """DataError for what cannot be learned: one class, or a class that cannot be split."""
    assert images.targets is not None
    counts = torch.bincount(images.targets, minlength=len(images.classes)).tolist()
    present = [name for name, count in zip(images.classes, counts, strict=True) if count]
    if len(present) < 2:
        raise DataError(
            f"only one class, {present[0]!r}: there is nothing to tell apart; expected a second one"
        )
    single = [name for name, count in zip(images.classes, counts, strict=True) if count == 1]
    if single:
        only = images.names[int((images.targets == images.classes.index(single[0])).int().argmax())]
        raise DataError(
            f"class {', '.join(map(repr, single))} has one image ({only}), which cannot be both "
            "learned and tested; add images or take the class out"
        )


def _check_training_classes(images: ImageSet, codes: Tensor) -> None:
    assert images.targets is not None
    learned = torch.bincount(images.targets[codes == TRAIN], minlength=len(images.classes))
    everywhere = torch.bincount(images.targets, minlength=len(images.classes))
    unseen = torch.nonzero((learned == 0) & (everywhere > 0)).flatten().tolist()
    if unseen:
        names = ", ".join(repr(images.classes[i]) for i in unseen)
        raise DataError(f"class {names} is in the validation or test images but not in training")


def _codes(
    images: ImageSet, kind: str, groups: Tensor, settings: DataSettings, seed: int, fold: int
) -> Tensor:
    """The split of each image; images with equal pixels are never drawn into different ones."""
    if not len(images.pixels):
        raise DataError("no images are left to learn from")
    strata = images.targets if kind == "single-label" else None
    given = images.given
    movable = given == UNGIVEN
    if not movable.any() and not (given == VALIDATION).any():
        movable = given == TRAIN  # validation is carved out of these
    chosen, follows = _first_of_each(groups, movable)
    codes = split_codes(
        given[chosen], settings.validation_share, settings.test_share, seed,
        strata=None if strata is None else strata[chosen],
    )[follows]  # fmt: skip
    if settings.folds > 1:
        chosen, follows = _first_of_each(groups, codes != TEST)
        codes = fold_codes(
            codes[chosen], settings.folds, fold, seed,
            strata=None if strata is None else strata[chosen],
        )[follows]  # fmt: skip
    for code in (TRAIN, VALIDATION):
        if not (codes == code).any():
            raise DataError(f"no images for the {SPLITS[code]} split; expected at least one")
    return codes


def _first_of_each(groups: Tensor, movable: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of fixed examples and of the first movable one of each group; and, for every
    example, the place among them of the one it follows."""
    own = torch.where(movable, groups, int(groups.max()) + 1 + torch.arange(len(groups)))
    _, follows = torch.unique(own, return_inverse=True)
    chosen = torch.full((int(follows.max()) + 1,), len(own))
    chosen.scatter_reduce_(0, follows, torch.arange(len(own)), "amin")
    # Back into the order of the data, so that the draw does not depend on the groups' numbers.
    order = chosen.argsort()
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order))
    return chosen[order], places[follows]


def _targets(images: ImageSet, kind: TargetKind, why: str, training: Tensor) -> Targets:
    assert images.targets is not None
    if kind == "single-label":
        return Targets(kind, images.classes, why=why)
    rows = images.targets.reshape(len(images.targets), -1)
    noun = "label" if kind == "multi-label" else "target"
    names = images.classes or tuple(f"{noun}_{i}" for i in range(1, rows.shape[1] + 1))
    if rows.shape[1] == 1 and not images.classes:
        names = (noun,)
    if kind == "multi-label":
        return Targets(kind, names, why=why)
    learned = rows[training].double()
    scale = learned.std(0, unbiased=False)
    scale[scale == 0] = 1.0
    return Targets(kind, names, tuple(learned.mean(0).tolist()), tuple(scale.tolist()), why=why)


def _splits(images: ImageSet, codes: Tensor, targets: Targets) -> dict[str, Split]:
    assert images.targets is not None
    values = images.targets
    if targets.kind != "single-label":
        values = standardize(values.float().reshape(len(values), -1), targets)
    everything = Split((images.pixels,), values, images.names)
    return {
        name: everything.select(torch.nonzero(codes == code).flatten())
        for code, name in enumerate(SPLITS)
        if (codes == code).any()
    }


def _without_extreme(images: ImageSet) -> ImageSet:
    extreme = {issue.where for issue in images.issues if issue.kind == "extreme-size"}
    blank = find_blank(images.pixels).tolist()
    lost = [b or name in extreme for name, b in zip(images.names, blank, strict=True)]
    keep = ~torch.tensor(lost, dtype=torch.bool)
    issues = [
        replace(issue, dropped=True) if issue.kind == "extreme-size" else issue
        for issue in images.issues
    ]
    gone = [name for name, b in zip(images.names, blank, strict=True) if b and name not in extreme]
    issues += [
        Issue("blank", name, "every pixel has the same color; left out", True) for name in gone
    ]
    return replace(
        images,
        pixels=images.pixels[keep],
        targets=None if images.targets is None else images.targets[keep],
        names=[name for name, away in zip(images.names, lost, strict=True) if not away],
        given=images.given[keep],
        issues=tuple(issues),
    )


def _fingerprint(images: ImageSet, digests: bytes, codes: Tensor) -> str:
    assert images.targets is not None
    text = json.dumps([list(images.pixels.shape), images.classes])
    parts = (text.encode(), digests, images.targets.numpy().tobytes(), codes.numpy().tobytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _describe(codes: Tensor, images: ImageSet, settings: DataSettings, fold: int) -> str:
    counts = [(name, int((codes == code).sum())) for code, name in enumerate(SPLITS)]
    listed = ", ".join(f"{name} {count:,}" for name, count in counts if count)
    if settings.folds > 1:
        return f"fold {fold + 1} of {settings.folds}: {listed}"
    drawn = _drawn(images.given, codes)
    return f"split: {listed}" + (f" ({' and '.join(drawn)} drawn at random)" if drawn else "")


def _drawn(given: Tensor, codes: Tensor) -> Sequence[str]:
    """The parts that we chose."""
    return [SPLITS[c] for c in (VALIDATION, TEST) if bool(((codes == c) & (given != c)).any())]
