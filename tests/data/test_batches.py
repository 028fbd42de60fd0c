"""This file tests the order, the augmentation and the position of resident batches."""

import pytest
import torch

from descend.data.augment._step import prepare_steps
from descend.data.batches import (
    Normalization,
    ResidentBatches,
    TensorBatch,
    batches_for_scoring,
    to_shares,
)
from descend.data.examples import Split
from descend.tasks._task import Source

NORMALIZATION = Normalization((0.4, 0.5, 0.6), (0.2, 0.3, 0.1))


def image_split(count: int = 23) -> Split:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
    return Split((pixels,), torch.arange(count) % 4, [str(i) for i in range(count)])


def table_split(count: int) -> Split:
    rows = torch.arange(count)
    numbers, categories = rows.float()[:, None], rows[:, None]
    return Split((numbers, categories), rows.float()[:, None], [str(i) for i in range(count)])


def image_batches(
    names: tuple[str, ...] = (), rank: int = 0, ranks: int = 1, count: int = 23
) -> ResidentBatches:
    return ResidentBatches(
        image_split(count), batch_size=8, seed=5, unit="images", classes=4,
        augmentations=prepare_steps(names, {}), normalization=NORMALIZATION,
        rank=rank, ranks=ranks,
    )  # fmt: skip


def table_batches(count: int, size: int, seed: int = 0) -> ResidentBatches:
    return ResidentBatches(table_split(count), batch_size=size, seed=seed, unit="rows")


ALL = ("crop", "flip", "rotation", "scale", "color", "cutout", "mixup", "cutmix")


def same(a: TensorBatch, b: TensorBatch) -> bool:
    return all(map(torch.equal, (*a.inputs, a.targets), (*b.inputs, b.targets)))


def test_batches_are_a_source_of_the_loop() -> None:
    source: Source = table_batches(10, 4)
    assert source.unit == "rows" and source.steps_per_epoch == 3


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [(10, 4, [4, 4, 2]), (9, 4, [4, 5]), (8, 4, [4, 4]), (3, 4, [3]), (1, 4, [1]), (3, 1, [1] * 3)],
)
def test_an_epoch_gives_each_example_once_and_never_ends_on_a_single_one(
    count: int, size: int, sizes: list[int]
) -> None:
    batches = table_batches(count, size)
    given = [batches.next() for _ in range(batches.steps_per_epoch)]
    assert [len(batch) for batch in given] == sizes
    assert sorted(torch.cat([b.targets for b in given]).flatten().tolist()) == list(range(count))
    assert (batches.epoch, batches.step) == (1, 0)


def test_the_order_differs_between_epochs_and_seeds_and_repeats_for_the_same() -> None:
    def epochs(seed: int) -> list[list[float]]:
        batches = table_batches(40, 40, seed)
        return [batches.next().targets.flatten().tolist() for _ in range(2)]

    assert epochs(0) == epochs(0)
    assert len({tuple(order) for order in epochs(0) + epochs(1)}) == 4


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5])
def test_restored_batches_continue_bit_equal(steps: int) -> None:
    straight, fresh = image_batches(ALL), image_batches(ALL)
    for _ in range(steps):
        straight.next()
    fresh.restore(straight.state())
    assert all(same(straight.next(), fresh.next()) for _ in range(4))


@pytest.mark.parametrize(
    "names", [(), ("crop",), ALL[:6], ("crop", "mixup"), ("rotation", "cutmix")]
)
@pytest.mark.parametrize("ranks", [2, 3])
def test_shares_of_the_ranks_make_up_the_batch_of_one(names: tuple[str, ...], ranks: int) -> None:
    alone = image_batches(names)
    together = [image_batches(names, rank, ranks) for rank in range(ranks)]
    for _ in range(4):
        whole, shares = alone.next(), [source.next() for source in together]
        torch.testing.assert_close(torch.cat([s.inputs[0] for s in shares]), whole.inputs[0])
        torch.testing.assert_close(torch.cat([s.targets for s in shares]), whole.targets)


def test_mixing_gives_shares_of_both_targets() -> None:
    batch = image_batches(("mixup",)).next()
    assert batch.targets.shape == (8, 4)
    torch.testing.assert_close(batch.targets.sum(1), torch.ones(8))
    assert (batch.targets.max(1).values >= 0.5).all()


def test_the_share_pasted_by_cutmix_is_the_share_of_the_target() -> None:
    pixels = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 8, 8) * 40
    batches = ResidentBatches(
        Split((pixels,), torch.arange(6), [""] * 6), batch_size=6, seed=2, unit="images", classes=6,
        augmentations=prepare_steps(["cutmix"], {}), normalization=Normalization((0.0,), (1.0,)),
    )  # fmt: skip
    for _ in range(5):
        batch = batches.next()
        codes = (batch.inputs[0] * 255 / 40).round().long().flatten(1)  # the class of each pixel
        shares = torch.nn.functional.one_hot(codes, 6).float().mean(1)
        torch.testing.assert_close(shares, batch.targets)


def test_without_augmentation_images_are_only_normalized() -> None:
    batch = image_batches().next()
    order = image_batches()._members()
    mean, std = torch.tensor(NORMALIZATION.mean), torch.tensor(NORMALIZATION.std)
    expected = (to_shares(image_split().inputs[0][order]) - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    torch.testing.assert_close(batch.inputs[0], expected)


def test_parts_cover_the_batch_and_are_of_near_equal_size() -> None:
    batch = table_batches(9, 9).next()
    parts = batch.parts(4)
    assert [len(part) for part in parts] == [3, 3, 3]
    assert torch.equal(torch.cat([part.targets for part in parts]), batch.targets)
    assert batch.parts(9) == [batch]


def test_scoring_gives_every_example_in_order_and_unchanged() -> None:
    split = image_split(10)
    batches = list(batches_for_scoring(split, 4, normalization=NORMALIZATION))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([batch.targets for batch in batches]), split.targets)
    assert batches[0].inputs[0].dtype == torch.float32


def test_images_come_in_the_asked_memory_format() -> None:
    form = Normalization((0.0,) * 3, (1.0,) * 3, torch.channels_last)
    for names in ((), ("crop", "rotation")):
        batches = ResidentBatches(
            image_split(), batch_size=8, seed=0, unit="images",
            augmentations=prepare_steps(names, {}), normalization=form,
        )  # fmt: skip
        assert batches.next().inputs[0].is_contiguous(memory_format=torch.channels_last)
