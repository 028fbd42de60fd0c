"""This file chooses which examples train, which validate and which test.

What was given is respected. The rest is drawn: stratified by class, by whole groups, or in the
order of time.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold
from torch import Tensor

from descend.data.examples import TEST, TRAIN, UNGIVEN, VALIDATION
from descend.errors import DataError

Integers = NDArray[np.int64]
GROUP_DRAWS = 64  # random orders of the groups tried; the one with the best shares is kept


def split_codes(
    given: Tensor,
    validation_share: float,
    test_share: float,
    seed: int,
    *,
    strata: Tensor | None = None,
    groups: Tensor | None = None,
    times: Tensor | None = None,
) -> Tensor:
    """TRAIN, VALIDATION or TEST for each example, int8 (examples,).

    `given` holds codes or UNGIVEN; only UNGIVEN examples are chosen, and no part is carved that was
    given. Where every example was given and none validates, validation is carved out of TRAIN.
    `strata` are class codes, `groups` group codes (an UNGIVEN example follows the given part of its
    group), `times` any increasing number: equal times never straddle. Shares count the examples
    that are there to choose from. DataError when a part would be empty.
    """
    codes = given.to(torch.int8).numpy().copy()
    if groups is not None:
        _follow_given_groups(codes, groups.numpy())
    test, validation = _shares(codes, validation_share, test_share)
    free = np.flatnonzero(codes == UNGIVEN)
    if not len(free) and validation:
        free = np.flatnonzero(codes == TRAIN)
    parts = 1 + (test > 0) + (validation > 0)
    if len(free) < parts and parts > 1:
        raise DataError(f"{len(free)} examples cannot fill {_names(test, validation)}; give more")
    if times is not None:
        codes[free] = _by_time(times.numpy()[free], validation, test)
    elif groups is not None:
        classes = np.zeros(len(free), np.int64) if strata is None else strata.numpy()[free]
        codes[free] = _by_group(groups.numpy()[free], classes, validation, test, seed)
    else:
        classes = np.zeros(len(free), np.int64) if strata is None else strata.numpy()[free]
        codes[free] = _by_class(classes, validation, test, seed)
    return torch.from_numpy(codes)


def fold_codes(
    codes: Tensor,
    folds: int,
    fold: int,
    seed: int,
    *,
    strata: Tensor | None = None,
    groups: Tensor | None = None,
    times: Tensor | None = None,
) -> Tensor:
    """The split of one fold (counted from 0): TEST stays, all others are dealt anew.

    Each of them validates in exactly one fold. With `times` the origin rolls: fold k trains on all
    blocks before block k + 1 and validates on that block; what is later is UNGIVEN (left out), and
    the first block only trains.
    """
    assert 0 <= fold < folds
    result = codes.to(torch.int8).numpy().copy()
    pool = np.flatnonzero(result != TEST)
    if folds < 2:
        raise DataError(f"{folds} fold is no cross-validation; expected at least 2")
    if times is not None:
        result[pool] = _roll(times.numpy()[pool], folds, fold)
        return torch.from_numpy(result)
    group = None if groups is None else groups.numpy()[pool]
    classes = None if strata is None else strata.numpy()[pool]
    chosen = _deal(len(pool), classes, group, folds, fold, seed)
    result[pool] = TRAIN
    result[pool[chosen]] = VALIDATION
    return torch.from_numpy(result)


def straddling_groups(codes: Tensor, groups: Tensor) -> Tensor:
    """The group codes that occur in more than one part; possible only where parts were given."""
    known = (codes != UNGIVEN).numpy()
    pairs = np.stack([groups.numpy()[known], codes.numpy()[known]], 1)
    found, parts = np.unique(np.unique(pairs, axis=0)[:, 0], return_counts=True)
    return torch.from_numpy(found[parts > 1])


def _shares(codes: NDArray[np.int8], validation: float, test: float) -> tuple[float, float]:
    has_free = bool((codes == UNGIVEN).any())
    test = 0.0 if (codes == TEST).any() or not has_free else test
    validation = 0.0 if (codes == VALIDATION).any() else validation
    if test + validation >= 1:
        raise DataError(
            f"validation_share {validation:g} and test_share {test:g} leave nothing to train on; "
            "their sum must be below 1"
        )
    return test, validation


def _names(test: float, validation: float) -> str:
    return "training" + ", validation" * (validation > 0) + " and test" * (test > 0)


def _count(total: int, share: float) -> int:
    return max(1, round(total * share)) if share > 0 else 0


def _by_class(classes: Integers, validation: float, test: float, seed: int) -> NDArray[np.int8]:
    """Each class is cut by the same shares, so that rare classes reach every part."""
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    parts = np.full(len(classes), TRAIN, np.int8)
    for code in np.unique(classes):
        members = shuffled[classes[shuffled] == code]
        wanted_validation = _count(len(members), validation)
        wanted_test = _count(len(members), test)
        # training comes first, then validation: it chooses the model that is kept
        checked = min(wanted_validation, len(members) - 1)
        tested = max(0, min(wanted_test, len(members) - 1 - checked))
        parts[members[:checked]] = VALIDATION
        parts[members[checked : checked + tested]] = TEST
    return parts


def _follow_given_groups(codes: NDArray[np.int8], groups: Integers) -> None:
    """Training wins where a group was given to several parts: its test rows leak anyway."""
    for part in (TEST, VALIDATION, TRAIN):
        known = np.unique(groups[codes == part])
        codes[(codes == UNGIVEN) & np.isin(groups, known)] = part


def _by_group(
    groups: Integers, classes: Integers, validation: float, test: float, seed: int
) -> NDArray[np.int8]:
    _, group = np.unique(groups, return_inverse=True)
    _, label = np.unique(classes, return_inverse=True)
    # members[g, c]: how many examples of class c are in group g
    members = np.zeros((group.max(initial=-1) + 1, label.max(initial=-1) + 1), np.int64)
    np.add.at(members, (group, label), 1)
    parts = 1 + (validation > 0) + (test > 0)
    if len(members) < parts:
        raise DataError(
            f"{len(members)} groups cannot fill {_names(test, validation)}; expected at least "
            f"{parts} different values in the group column"
        )
    generator = np.random.default_rng(seed)
    draws = [_draw_groups(members, validation, test, generator) for _ in range(GROUP_DRAWS)]
    _, best = min(draws, key=lambda draw: draw[0])
    return best[group]


def _draw_groups(
    members: Integers, validation: float, test: float, generator: np.random.Generator
) -> tuple[float, NDArray[np.int8]]:
    """One random dealing of whole groups, and how far its shares of each class are off."""
    sizes = members.sum(1)
    wanted = {TEST: test * sizes.sum(), VALIDATION: validation * sizes.sum()}
    filled = {TEST: 0.0, VALIDATION: 0.0}
    parts = np.full(len(sizes), TRAIN, np.int8)
    left = len(sizes)
    for group in generator.permutation(len(sizes)):
        for part in (TEST, VALIDATION):
            fits = filled[part] + sizes[group] / 2 <= wanted[part]
            if wanted[part] and left > 1 and (fits or not filled[part]):
                parts[group] = part
                filled[part] += sizes[group]
                left -= 1
                break
    totals = np.maximum(members.sum(0), 1)
    off = [
        np.abs(members[parts == part].sum(0) / totals - share).mean()
        for part, share in ((TEST, test), (VALIDATION, validation))
    ]
    return float(sum(off)), parts


def _by_time(times: NDArray[np.generic], validation: float, test: float) -> NDArray[np.int8]:
    """The last share tests, the one before it validates."""
    order = np.argsort(times, kind="stable")
    starts = _starts(times[order])
    moments = 1 + (validation > 0) + (test > 0)
    if len(starts) < moments:
        raise DataError(
            f"{len(starts)} different times cannot fill {_names(test, validation)}; expected at "
            f"least {moments} in the time column"
        )
    total = len(times)
    tested = total - _count(total, test)
    checked = tested - _count(total, validation)
    cuts = _cuts(starts, [cut for cut, share in ((checked, validation), (tested, test)) if share])
    ranks = np.full(total, TRAIN, np.int8)
    names = [part for part, share in ((VALIDATION, validation), (TEST, test)) if share]
    for part, cut in zip(names, cuts, strict=True):
        ranks[cut:] = part
    parts = np.empty(total, np.int8)
    parts[order] = ranks
    return parts


def _starts(ordered: NDArray[np.generic]) -> Integers:
    """Positions at which a new time begins."""
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])


def _cuts(starts: Integers, wanted: list[int]) -> list[int]:
    """The positions of `starts` nearest to those wanted, all different and none the first."""
    chosen: list[int] = []
    first = 1
    for index, position in enumerate(wanted):
        last = len(starts) - (len(wanted) - index - 1)  # leave one start for each later cut
        near = np.abs(starts[first:last] - position)
        first += int(near.argmin())
        chosen.append(int(starts[first]))
        first += 1
    return chosen


def _roll(times: NDArray[np.generic], folds: int, fold: int) -> NDArray[np.int8]:
    order = np.argsort(times, kind="stable")
    starts = _starts(times[order])
    if len(starts) < folds + 1:
        raise DataError(
            f"{len(starts)} different times are too few for {folds} folds in the order of time; "
            f"expected at least {folds + 1}"
        )
    wanted = [round(len(times) * block / (folds + 1)) for block in range(1, folds + 1)]
    cuts = [*_cuts(starts, wanted), len(times)]
    ranks = np.full(len(times), UNGIVEN, np.int8)
    ranks[: cuts[fold]] = TRAIN
    ranks[cuts[fold] : cuts[fold + 1]] = VALIDATION
    parts = np.empty(len(times), np.int8)
    parts[order] = ranks
    return parts


def _deal(
    total: int,
    classes: Integers | None,
    groups: Integers | None,
    folds: int,
    fold: int,
    seed: int,
) -> Integers:
    """Indices that validate in this fold."""
    if total < folds:
        raise DataError(f"{total} examples are fewer than {folds} folds; give fewer --folds")
    if classes is not None:
        _check_members(classes, folds)
    if groups is not None and len(np.unique(groups)) < folds:
        raise DataError(
            f"{len(np.unique(groups))} groups are fewer than {folds} folds; give fewer --folds"
        )
    if groups is None:
        kind = KFold if classes is None else StratifiedKFold
    else:
        kind = GroupKFold if classes is None else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed % 2**32)
    parts = list(splitter.split(np.zeros(total), classes, groups))
    return np.asarray(parts[fold][1], np.int64)


def _check_members(classes: Integers, folds: int) -> None:
    codes, counts = np.unique(classes, return_counts=True)
    if len(codes) and counts.min() < folds:
        raise DataError(
            f"class number {int(codes[counts.argmin()])} has {counts.min()} examples, fewer than "
            f"{folds} folds; give fewer --folds or more examples"
        )
