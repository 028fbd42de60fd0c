"""Tests of how examples are dealt to training, validation and test."""

import pytest
import torch

from descend.data.examples import TEST, TRAIN, UNGIVEN, VALIDATION
from descend.data.split import fold_codes, split_codes, straddling_groups
from descend.errors import DataError


def free(count: int) -> torch.Tensor:
    return torch.full((count,), UNGIVEN, dtype=torch.int8)


def count(codes: torch.Tensor) -> list[int]:
    return [int((codes == part).sum()) for part in (TRAIN, VALIDATION, TEST)]


def test_shares_are_kept_and_the_same_seed_gives_the_same_split() -> None:
    codes = split_codes(free(1000), 0.15, 0.2, seed=3)
    assert count(codes) == [650, 150, 200]
    assert codes.equal(split_codes(free(1000), 0.15, 0.2, seed=3))
    assert not codes.equal(split_codes(free(1000), 0.15, 0.2, seed=4))
    assert codes.dtype == torch.int8


def test_every_class_reaches_every_part() -> None:
    strata = torch.tensor([0] * 90 + [1] * 7 + [2] * 3)
    codes = split_codes(free(100), 0.15, 0.15, seed=0, strata=strata)
    for label in range(3):
        assert min(count(codes[strata == label])) >= 1


def test_a_class_with_one_example_stays_in_training() -> None:
    strata = torch.tensor([0] * 20 + [1])
    assert split_codes(free(21), 0.2, 0.2, seed=0, strata=strata)[-1] == TRAIN


def test_a_given_test_part_stays_and_no_other_is_carved() -> None:
    given = free(100)
    given[80:] = TEST
    codes = split_codes(given, 0.25, 0.5, seed=0)
    assert codes[80:].eq(TEST).all()
    assert count(codes) == [60, 20, 20]


def test_a_given_validation_part_stays() -> None:
    given = free(100)
    given[:10] = VALIDATION
    assert count(split_codes(given, 0.5, 0.1, seed=0)) == [81, 10, 9]


def test_validation_is_carved_from_given_training_where_nothing_validates() -> None:
    given = torch.tensor([TRAIN] * 80 + [TEST] * 20, dtype=torch.int8)
    assert count(split_codes(given, 0.25, 0.25, seed=0)) == [60, 20, 20]


def test_a_complete_split_is_left_as_it_is() -> None:
    given = torch.tensor([TRAIN, VALIDATION, TEST], dtype=torch.int8)
    assert split_codes(given, 0.2, 0.2, seed=0).equal(given)


def test_no_test_share_means_no_test_part() -> None:
    assert count(split_codes(free(10), 0.2, 0.0, seed=0)) == [8, 2, 0]


def test_groups_never_straddle_and_shares_come_near() -> None:
    groups = torch.randint(0, 40, (1000,), generator=torch.Generator().manual_seed(0))
    strata = groups % 2
    codes = split_codes(free(1000), 0.2, 0.2, seed=1, groups=groups, strata=strata)
    for group in groups.unique():
        assert len(codes[groups == group].unique()) == 1
    assert count(codes) == pytest.approx([600, 200, 200], abs=40)
    assert count(codes[strata == 0])[1:] == pytest.approx([100, 100], abs=40)


def test_free_examples_follow_the_given_part_of_their_group() -> None:
    groups = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    given = free(8)
    given[0] = TEST
    codes = split_codes(given, 0.3, 0.3, seed=0, groups=groups)
    assert codes[1] == TEST
    assert not len(straddling_groups(codes, groups))


def test_a_group_given_to_two_parts_is_found() -> None:
    given = torch.tensor([TRAIN, TEST, TRAIN, VALIDATION], dtype=torch.int8)
    assert straddling_groups(given, torch.tensor([7, 7, 8, 9])).tolist() == [7]


def test_two_groups_cannot_fill_three_parts() -> None:
    with pytest.raises(DataError, match="2 groups cannot fill training, validation and test"):
        split_codes(free(10), 0.2, 0.2, seed=0, groups=torch.tensor([0, 1] * 5))


def test_time_puts_the_last_share_into_test() -> None:
    times = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    codes = split_codes(free(100), 0.1, 0.2, seed=0, times=times)
    assert codes[times >= 80].eq(TEST).all()
    assert codes[(times >= 70) & (times < 80)].eq(VALIDATION).all()
    assert codes[times < 70].eq(TRAIN).all()


def test_equal_times_never_straddle() -> None:
    times = torch.arange(20).repeat_interleave(7)
    codes = split_codes(free(140), 0.15, 0.15, seed=0, times=times)
    for time in times.unique():
        assert len(codes[times == time].unique()) == 1
    assert min(count(codes)) > 0


def test_three_times_fill_three_parts_however_unequal() -> None:
    times = torch.tensor([0] * 2 + [1] * 2 + [2] * 96)
    assert count(split_codes(free(100), 0.15, 0.15, seed=0, times=times)) == [2, 2, 96]
    with pytest.raises(DataError, match="2 different times cannot fill"):
        split_codes(free(100), 0.15, 0.15, seed=0, times=times.clamp(max=1))


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(DataError, match="2 examples cannot fill training, validation and test"):
        split_codes(free(2), 0.2, 0.2, seed=0)


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(DataError, match="leave nothing to train on"):
        split_codes(free(100), 0.6, 0.5, seed=0)


@pytest.mark.parametrize("kind", ["plain", "strata", "groups", "both"])
def test_each_example_validates_in_exactly_one_fold(kind: str) -> None:
    codes = split_codes(free(200), 0.15, 0.2, seed=0)
    strata = torch.arange(200) % 3 if kind in ("strata", "both") else None
    groups = torch.arange(200) // 5 if kind in ("groups", "both") else None
    times_validated = torch.zeros(200)
    for fold in range(5):
        part = fold_codes(codes, 5, fold, seed=1, strata=strata, groups=groups)
        assert part[codes == TEST].eq(TEST).all()
        times_validated += part == VALIDATION
        if groups is not None:
            assert not len(straddling_groups(part[codes != TEST], groups[codes != TEST]))
    assert times_validated[codes != TEST].eq(1).all()
    assert times_validated[codes == TEST].eq(0).all()


def test_folds_in_time_train_on_the_past_alone() -> None:
    times = torch.arange(60).repeat_interleave(2)
    codes = split_codes(free(120), 0.15, 0.2, seed=0, times=times)
    validated = torch.zeros(120)
    for fold in range(4):
        part = fold_codes(codes, 4, fold, seed=0, times=times)
        assert times[part == TRAIN].max() < times[part == VALIDATION].min()
        assert times[part == UNGIVEN].numel() == 0 or (
            times[part == UNGIVEN].min() > times[part == VALIDATION].max()
        )
        validated += part == VALIDATION
    assert validated.max() == 1
    assert validated[codes != TEST].eq(0).sum() == 18  # the first block only trains


def test_a_class_smaller_than_the_folds_is_named() -> None:
    strata = torch.tensor([0] * 30 + [1] * 3)
    with pytest.raises(DataError, match="class number 1 has 3 examples, fewer than 5 folds"):
        fold_codes(free(33), 5, 0, seed=0, strata=strata)


def test_fewer_groups_than_folds_are_refused() -> None:
    with pytest.raises(DataError, match="3 groups are fewer than 5 folds"):
        fold_codes(free(30), 5, 0, seed=0, groups=torch.arange(30) % 3)
