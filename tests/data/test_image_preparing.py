"""This file tests the preparation of images: split, statistics, targets, and what is named."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from descend.data.batches import to_shares
from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, TRAIN, UNGIVEN, VALIDATION, ImageSet, Preprocessing
from descend.data.image_preparing import prepare
from descend.data.image_preprocessing import ImagePreprocessing
from descend.data.quality.images import content_groups, inspect
from descend.data.reading import read
from descend.errors import DataError
from descend.forms import ImageForm

SaveImage = Callable[..., Path]
SETTINGS = DataSettings()


def make_set(
    labels: Sequence[int] | Tensor, given: Sequence[int] | None = None, seed: int = 0
) -> ImageSet:
    count = len(labels)
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 3, 6, 6), generator=generator, dtype=torch.uint8)
    targets = labels if isinstance(labels, Tensor) else torch.tensor(labels)
    classes = () if targets.is_floating_point() else tuple("abcdef"[: int(targets.max()) + 1])
    codes = [UNGIVEN] * count if given is None else given
    names = [f"image {i}" for i in range(count)]
    return ImageSet(
        pixels, targets, classes, names, torch.tensor(codes, dtype=torch.int8), (f"{count} images",)
    )


TWO = [0, 1] * 50


def test_the_split_is_stratified_and_covers_everything() -> None:
    prepared = prepare(make_set([0] * 80 + [1] * 20), SETTINGS, 0)
    assert {name: len(split) for name, split in prepared.splits.items()} == {
        "train": 70, "validation": 15, "test": 15,
    }  # fmt: skip
    assert prepared.splits["test"].targets.tolist().count(1) == 3
    names = [name for split in prepared.splits.values() for name in split.names]
    assert sorted(names) == sorted(make_set([0] * 100).names)
    assert prepared.found[-1] == (
        "split: train 70, validation 15, test 15 (validation and test drawn at random)"
    )


def test_a_given_split_is_kept_and_validation_is_carved_out_of_training() -> None:
    prepared = prepare(make_set(TWO, [TRAIN] * 80 + [TEST] * 20), SETTINGS, 0)
    assert sorted(prepared.splits["test"].names) == [f"image {i}" for i in range(80, 100)]
    assert len(prepared.splits["validation"]) == 12
    everything = prepare(make_set(TWO, [TRAIN] * 60 + [VALIDATION] * 40), SETTINGS, 0)
    assert set(everything.splits) == {"train", "validation"}


def test_the_same_seed_splits_alike_and_another_seed_differs() -> None:
    images = make_set(TWO)
    prints = [prepare(images, SETTINGS, seed).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_the_fingerprint_follows_pixels_and_targets() -> None:
    images = make_set(TWO)
    changed = images.pixels.clone()
    changed[3, 0, 0, 0] ^= 1
    other = [replace(images, pixels=changed), make_set([1, 0] * 50)]
    prints = {prepare(each, SETTINGS, 0).fingerprint for each in (images, *other)}
    assert len(prints) == 3


def test_statistics_come_from_the_training_images_alone() -> None:
    images = make_set(TWO, [TRAIN] * 50 + [VALIDATION] * 25 + [TEST] * 25)
    images.pixels[50:] = 255
    preprocessing = prepare(images, SETTINGS, 0).preprocessing
    assert isinstance(preprocessing, ImagePreprocessing)
    shares = to_shares(images.pixels[:50]).double()
    expected = torch.tensor(preprocessing.mean, dtype=torch.float64)
    torch.testing.assert_close(shares.mean((0, 2, 3)), expected, rtol=0, atol=1e-6)
    expected = torch.tensor(preprocessing.std, dtype=torch.float64)
    torch.testing.assert_close(shares.std((0, 2, 3), unbiased=False), expected, rtol=0, atol=1e-6)


def test_normalized_training_images_have_mean_zero_and_deviation_one() -> None:
    prepared = prepare(make_set(TWO), SETTINGS, 0)
    assert isinstance(prepared.preprocessing, ImagePreprocessing)
    images = prepared.preprocessing.normalization()(to_shares(prepared.splits["train"].inputs[0]))
    assert images.mean((0, 2, 3)).abs().max() < 1e-5
    assert (images.std((0, 2, 3), unbiased=False) - 1).abs().max() < 1e-5


def test_images_of_one_gray_do_not_divide_by_zero() -> None:
    images = make_set(TWO)
    images.pixels[:] = 7
    settings = DataSettings(leave_out_extreme=False)
    with pytest.raises(DataError, match=r"cannot fill|no images for the"):
        prepare(images, settings, 0)  # all are copies of one, so there is nothing to split
    images.pixels[:] = torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1)
    assert isinstance(prepare(images, settings, 0).preprocessing, ImagePreprocessing)


def test_copies_are_never_drawn_into_different_splits_and_are_named() -> None:
    images = make_set(TWO * 2)
    images.pixels[100:] = images.pixels[:100]
    prepared = prepare(images, SETTINGS, 0)
    place = {name: key for key, split in prepared.splits.items() for name in split.names}
    assert all(place[f"image {i}"] == place[f"image {i + 100}"] for i in range(100))
    assert len(prepared.splits["validation"]) == 32  # 8 of 50 in each class, twice
    assert not [issue for issue in prepared.issues if issue.kind == "copy-across-splits"]
    assert [issue for issue in prepared.issues if issue.kind == "copy"]


def test_copies_between_given_splits_are_named() -> None:
    images = make_set(TWO, [TRAIN] * 80 + [TEST] * 20)
    images.pixels[90] = images.pixels[7]
    (leak,) = [i for i in prepare(images, SETTINGS, 0).issues if i.kind == "copy-across-splits"]
    assert leak.where == "image 7" and "image 90" in leak.text and "test" in leak.text


def test_equal_images_with_different_labels_are_named() -> None:
    images = make_set(TWO)
    images.pixels[1] = images.pixels[0]
    issues = prepare(images, SETTINGS, 0).issues
    assert [(i.kind, i.where) for i in issues][:1] == [("copy-with-other-label", "image 0")]


def test_blank_images_and_rare_classes_are_named() -> None:
    images = make_set([0] * 95 + [1] * 5)
    images.pixels[3] = 9
    kinds = {(i.kind, i.where) for i in prepare(images, SETTINGS, 0).issues}
    assert {("blank", "image 3"), ("class-imbalance", "b")} <= kinds


def test_many_findings_of_a_kind_are_counted() -> None:
    images = make_set(TWO)
    images.pixels[:30] = torch.arange(30, dtype=torch.uint8).view(30, 1, 1, 1)
    groups, _ = content_groups(images.pixels)
    blank = [i for i in inspect(images, images.given, groups) if i.kind == "blank"]
    assert len(blank) == 11 and blank[-1].where == "20 more" and blank[-1].text == "30 in all"


def test_extreme_images_are_left_out_only_when_asked() -> None:
    images = make_set(TWO)
    images.pixels[3] = 9
    assert sum(map(len, prepare(images, SETTINGS, 0).splits.values())) == 100
    prepared = prepare(images, DataSettings(leave_out_extreme=True), 0)
    assert sum(map(len, prepared.splits.values())) == 99
    assert [(i.where, i.dropped) for i in prepared.issues if i.kind == "blank"] == [
        ("image 3", True)
    ]


def test_one_class_is_an_error() -> None:
    with pytest.raises(DataError, match="only one class, 'a'"):
        prepare(make_set([0] * 10), SETTINGS, 0)


def test_a_class_with_one_image_is_an_error_that_names_both() -> None:
    with pytest.raises(DataError, match=r"class 'b' has one image \(image 10\)"):
        prepare(make_set([0] * 10 + [1]), SETTINGS, 0)


def test_a_class_that_training_never_sees_is_an_error() -> None:
    images = make_set([0] * 10 + [1] * 10 + [2] * 4, [TRAIN] * 16 + [TEST] * 8)
    with pytest.raises(DataError, match="class 'c' is in the validation or test images but not in"):
        prepare(images, SETTINGS, 0)


def test_a_class_of_two_images_trains_and_is_named_where_it_is_missing() -> None:
    prepared = prepare(make_set([0] * 40 + [1] * 2), SETTINGS, 0)
    assert 1 in prepared.splits["train"].targets
    assert ("class-not-in-split", "b") in {(i.kind, i.where) for i in prepared.issues}


def test_images_without_labels_are_an_error() -> None:
    with pytest.raises(DataError, match="no labels"):
        prepare(replace(make_set(TWO), targets=None), SETTINGS, 0)


def test_folds_validate_each_image_once_and_never_touch_the_test() -> None:
    images, settings = make_set(TWO), DataSettings(folds=4)
    parts = [prepare(images, settings, 0, fold) for fold in range(4)]
    tests = {tuple(part.splits["test"].names) for part in parts}
    assert len(tests) == 1
    validated = [name for part in parts for name in part.splits["validation"].names]
    assert len(validated) == len(set(validated)) == 100 - len(tests.pop())
    assert parts[1].found[-1].startswith("fold 2 of 4: ")


def test_class_codes_are_single_label() -> None:
    targets = prepare(make_set(TWO), SETTINGS, 0).targets
    assert (targets.kind, targets.names) == ("single-label", ("a", "b"))
    assert "one of 2 classes" in targets.why


def test_rows_of_zeros_and_ones_with_several_ones_are_multi_label() -> None:
    rows = torch.tensor([[1.0, 1, 0], [0, 0, 1]] * 50)
    prepared = prepare(make_set(rows), SETTINGS, 0)
    assert prepared.targets.kind == "multi-label"
    assert prepared.targets.names == ("label_1", "label_2", "label_3")
    assert prepared.splits["train"].targets.dtype == torch.float32


def test_numbers_are_standardized_by_the_training_split() -> None:
    values = torch.linspace(100, 200, 100)
    prepared = prepare(make_set(values), SETTINGS, 0)
    assert prepared.targets.kind == "number" and prepared.targets.names == ("target",)
    train = prepared.splits["train"].targets
    assert train.shape == (70, 1) and abs(float(train.mean())) < 1e-5
    back = train * prepared.targets.scale[0] + prepared.targets.offset[0]
    assert back.min() >= 99.9 and back.max() <= 200.1


def test_preprocessing_survives_json_and_reads_files_as_training_did(
    cats_and_dogs: Path, save_image: SaveImage
) -> None:
    _, images = read(str(cats_and_dogs), SETTINGS, 0)
    assert isinstance(images, ImageSet)
    fitted: Preprocessing = prepare(images, SETTINGS, 0).preprocessing
    again = ImagePreprocessing.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted and again.form == ImageForm(3, 12, 12)
    (pixels,), names, issues = again.read_files([cats_and_dogs])
    assert torch.equal(pixels, images.pixels) and len(names) == 12 and issues == ()
    bad = cats_and_dogs.parent / "bad.png"
    bad.write_bytes(b"")
    gray = save_image("gray.png", 40, 30, mode="L")
    (pixels,), names, issues = again.read_files([bad, gray])
    assert pixels.shape == (1, 3, 12, 12) and names == [str(gray)]
    assert [issue.where for issue in issues] == [str(bad)]
    with pytest.raises(DataError, match="no such file"):
        again.read_files([cats_and_dogs / "nothing.png"])


def test_other_labeled_images_are_matched_by_class_name() -> None:
    prepared = prepare(make_set(TWO), SETTINGS, 0)
    assert isinstance(prepared.preprocessing, ImagePreprocessing)
    more = replace(make_set([0, 1, 1]), classes=("B ", "a"), names=["x", "y", "z"])
    split = prepared.preprocessing.to_split(more, prepared.targets, "more/")
    assert split.targets.tolist() == [1, 0, 0]
    unknown = replace(more, classes=("wolf", "a"))
    with pytest.raises(DataError, match="more/: class 'wolf' is not among"):
        prepared.preprocessing.to_split(unknown, prepared.targets, "more/")


@pytest.mark.shared
def test_a_zip_of_photos_is_prepared_as_given(shared_data: Path) -> None:
    _, images = read(str(shared_data / "hymenoptera" / "hymenoptera_short256.zip"), SETTINGS, 0)
    assert isinstance(images, ImageSet)
    prepared = prepare(images, SETTINGS, 0)
    assert prepared.targets.names == ("ants", "bees")
    assert len(prepared.splits["validation"]) == 153
    assert prepared.preprocessing.form == ImageForm(3, 128, 128)
