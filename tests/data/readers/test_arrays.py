"""This file tests arrays of images and of rows, in the layouts and ranges people save them in."""

from pathlib import Path
from typing import Any

import numpy
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from numpy.typing import NDArray

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, TRAIN, UNGIVEN, VALIDATION, ImageSet, Levels, TableSet
from descend.data.reading import read
from descend.errors import DataError, SettingError

GENERATOR = numpy.random.default_rng(0)
PIXELS = GENERATOR.integers(0, 256, (6, 10, 14, 3), numpy.uint8)
LABELS = numpy.array([0, 1, 2, 0, 1, 2])


def save(path: Path, **arrays: Any) -> Path:
    numpy.savez(path, **arrays)
    return path


def load(path: Path, settings: DataSettings | None = None) -> ImageSet:
    name, images = read(str(path), settings or DataSettings(), 0)
    assert name == "arrays" and isinstance(images, ImageSet)
    return images


@pytest.mark.parametrize(
    ("images", "labels"),
    [("images", "labels"), ("x", "y"), ("X", "Y"), ("data", "target"), ("inputs", "targets")],
)
def test_usual_keys_are_known(images: str, labels: str, tmp_path: Path) -> None:
    found = load(save(tmp_path / "a.npz", **{images: PIXELS, labels: LABELS}))
    assert found.classes == ("0", "1", "2")
    assert torch.equal(found.pixels, torch.from_numpy(PIXELS).permute(0, 3, 1, 2))
    assert set(found.given.tolist()) == {UNGIVEN}


@pytest.mark.parametrize(
    "keys", [("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels",
    "val_images", "val_labels"), ("trainX", "trainY", "testX", "testY")],
)  # fmt: skip
def test_keys_with_a_split_are_respected(keys: tuple[str, ...], tmp_path: Path) -> None:
    arrays = dict(zip(keys, (PIXELS, LABELS, PIXELS[:2], LABELS[:2]), strict=True))
    found = load(save(tmp_path / "a.npz", **arrays))
    second = VALIDATION if "val_images" in keys else TEST
    assert found.given.tolist() == [TRAIN] * 6 + [second] * 2


def test_safetensors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    safetensors.numpy.save_file({"images": PIXELS, "labels": LABELS}, path)
    assert torch.equal(load(path).pixels, torch.from_numpy(PIXELS).permute(0, 3, 1, 2))


FIRST = numpy.ascontiguousarray(PIXELS.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    "array",
    [FIRST, PIXELS / 255, (PIXELS / 255).astype(numpy.float32), PIXELS.astype(numpy.int64),
     PIXELS.astype(numpy.float32), PIXELS.astype(numpy.uint16) * 257, PIXELS / 127.5 - 1],
    ids=["channels first", "0..1", "float32", "int64", "0..255", "16 bit", "-1..1"],
)  # fmt: skip
def test_layouts_and_ranges_give_the_same_pixels(array: NDArray[Any], tmp_path: Path) -> None:
    found = load(save(tmp_path / "a.npz", x=array, y=LABELS))
    assert torch.equal(found.pixels, torch.from_numpy(FIRST))


def test_gray_and_black_and_white_images_have_one_channel(tmp_path: Path) -> None:
    gray = load(save(tmp_path / "a.npz", x=PIXELS[..., 0], y=LABELS))
    assert torch.equal(gray.pixels, torch.from_numpy(FIRST[:, :1]))
    black = load(save(tmp_path / "b.npz", x=PIXELS[..., 0] > 99, y=LABELS))
    assert torch.unique(black.pixels).tolist() == [0, 255]


def test_transparency_shows_white(tmp_path: Path) -> None:
    clear = numpy.zeros((6, 10, 14, 4), numpy.uint8)
    found = load(save(tmp_path / "a.npz", x=clear, y=LABELS))
    assert found.pixels.shape == (6, 3, 10, 14) and (found.pixels == 255).all()


def test_a_size_that_is_asked_for_is_made(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x=PIXELS, y=LABELS)
    assert load(path, DataSettings(image_size=8)).pixels.shape == (6, 3, 8, 8)


def test_one_hot_labels_become_classes_and_many_hot_ones_stay(tmp_path: Path) -> None:
    one = load(save(tmp_path / "a.npz", x=PIXELS, y=numpy.eye(3)[LABELS]))
    assert one.targets is not None and one.targets.tolist() == LABELS.tolist()
    many = load(save(tmp_path / "b.npz", x=PIXELS, y=numpy.tri(6, 3)))
    assert many.targets is not None and many.targets.dtype == torch.float32
    assert many.targets.shape == (6, 3)


def test_text_labels_numbers_and_class_names(tmp_path: Path) -> None:
    text = load(save(tmp_path / "a.npz", x=PIXELS, y=numpy.array(["b", "a", "b"] * 2)))
    assert text.classes == ("a", "b")
    named = load(save(tmp_path / "b.npz", x=PIXELS, y=LABELS[:, None], class_names=["p", "q", "r"]))
    assert named.classes == ("p", "q", "r")
    numbers = load(save(tmp_path / "c.npz", x=PIXELS, y=LABELS + 0.5))
    assert numbers.classes == () and numbers.targets is not None
    assert numbers.targets[:, 0].tolist() == (LABELS + 0.5).tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": PIXELS, "y": LABELS[:5]}, r"'x' holds 6 examples, but 'y' has shape \(5,\)"),
        ({"a": PIXELS, "b": LABELS}, "no inputs among its keys a, b; expected keys such as"),
        ({"x": PIXELS, "images": PIXELS}, "both 'x' and 'images' could be meant"),
        ({"x": PIXELS[..., :2], "y": LABELS}, r"has shape \(6, 10, 14, 2\); expected"),
        ({"x": PIXELS * 7.0, "y": LABELS}, r"values from 0 to \d+; expected 0 to 1"),
        ({"x": PIXELS - 300.0, "y": LABELS}, "undo a standardization"),
        ({"x": numpy.full((6, 4, 4), numpy.nan), "y": LABELS}, "image 1 holds NaN"),
        ({"x": PIXELS, "y": numpy.array([1, 2, numpy.inf, 4, 5, 6])}, r"label 3 is \[inf\]"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(
    arrays: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        load(save(tmp_path / "a.npz", **arrays))


def test_arrays_of_objects_are_refused_and_not_loaded(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x=PIXELS, y=numpy.array([{}] * 6, dtype=object))
    with pytest.raises(DataError, match=r"'y' holds Python objects, which are pickles"):
        load(path)


@pytest.mark.parametrize("name", ["a.npz", "a.safetensors"])
def test_a_damaged_file_is_one_clear_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 this is damaged from here on")
    with pytest.raises(DataError, match=name):
        load(tmp_path / name)


def test_rows_of_numbers_become_a_table(tmp_path: Path) -> None:
    rows = GENERATOR.random((6, 4))
    path = save(tmp_path / "a.npz", x=rows, y=numpy.array(["u", "v"] * 3))
    name, table = read(str(path), DataSettings(), 0)
    assert name == "arrays" and isinstance(table, TableSet)
    assert table.frame.columns == ["c1", "c2", "c3", "c4", "target"]
    assert table.targets == ("target",) and table.frame["target"][1] == "v"


def test_a_column_of_a_lone_array_is_named_as_target_by_number(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x=GENERATOR.random((6, 4)))
    _, table = read(str(path), DataSettings(target=("-1",)), 0)
    assert isinstance(table, TableSet) and table.targets == ("c4",)
    with pytest.raises(DataError, match=r"no column 'c9'"):
        read(str(path), DataSettings(target=("c9",)), 0)
    with pytest.raises(DataError, match=r"name a column with --target"):
        read(str(path), DataSettings(), 0)


def test_rows_given_apart_for_the_test_are_joined(tmp_path: Path) -> None:
    rows = GENERATOR.random((6, 4))
    path = save(tmp_path / "a.npz", x=rows, y=LABELS)
    more = save(tmp_path / "b.npz", x=rows[:2], y=LABELS[:2])
    _, table = read(str(path), DataSettings(test=str(more)), 0)
    assert isinstance(table, TableSet)
    assert table.given.tolist() == [UNGIVEN] * 6 + [TEST] * 2


def test_one_scale_is_chosen_for_all_arrays_of_a_file_and_kept(tmp_path: Path) -> None:
    bright = numpy.full((6, 8, 8), 4000, numpy.uint16)
    dark = numpy.full((6, 8, 8), 249, numpy.uint16)
    path = save(tmp_path / "a.npz", x_train=bright, y_train=LABELS, x_test=dark, y_test=LABELS)
    found = load(path)
    assert found.pixels[0].unique().tolist() == [249]
    assert found.pixels[-1].unique().tolist() == [16]
    assert "values 0 to 4,095 become black to white" in found.found
    more = save(tmp_path / "b.npz", x=dark, y=LABELS)
    assert torch.equal(load(more, DataSettings().with_levels(found.levels)).pixels[:6, 0, 0, 0],
                       torch.full((6,), 16, dtype=torch.uint8))  # fmt: skip
    joined = load(save(tmp_path / "c.npz", x=bright, y=LABELS), DataSettings(test=str(more)))
    assert joined.pixels[-1].unique().tolist() == [16]


@pytest.mark.parametrize(
    ("train", "test", "shown"),
    [((-1.0, 1.0), (0.0, 1.0), [128, 255]), ((0.0, 200.0), (0.0, 1.0), [0, 1])],
)
def test_fractions_are_read_as_those_they_belong_to(
    train: tuple[float, ...], test: tuple[float, ...], shown: list[int], tmp_path: Path
) -> None:
    first, second = (numpy.resize(numpy.array(v), (6, 4, 4)) for v in (train, test))
    path = save(tmp_path / "a.npz", x_train=first, y_train=LABELS, x_test=second, y_test=LABELS)
    found = load(path)
    assert found.pixels[-1].unique().tolist() == shown
    apart = load(save(tmp_path / "b.npz", x=second), DataSettings().with_levels(found.levels))
    assert apart.pixels[-1].unique().tolist() == shown
    with pytest.raises(DataError, match=r"from 0 to 255; expected .* \(0 to 1\)"):
        wrong = save(tmp_path / "c.npz", x=numpy.resize([0.0, 255.0], (6, 4, 4)))
        load(wrong, DataSettings().with_levels(Levels(low=0.0, high=1.0)))


def test_images_in_an_array_are_called_by_their_number(tmp_path: Path) -> None:
    assert load(save(tmp_path / "a.npz", images=PIXELS, labels=LABELS)).names[0] == "image 1"
    assert load(save(tmp_path / "b.npz", x_train=PIXELS)).names[0] == "x_train image 1"


@pytest.mark.parametrize("kind", ["float16", "longdouble", ">f8", ">i4", "bool"])
def test_rows_of_any_number_type_become_a_table(kind: str, tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x=numpy.ones((6, 2)).astype(kind), y=LABELS.astype(kind))
    _, table = read(str(path), DataSettings(), 0)
    assert isinstance(table, TableSet) and table.frame["c1"].to_list() == [1] * 6


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float8_e4m3fn, torch.float16])
def test_small_floats_of_safetensors_are_read(kind: torch.dtype, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    values = torch.ones((6, 4, 4)).to(kind)
    safetensors.torch.save_file({"x": values, "y": torch.from_numpy(LABELS)}, path)
    assert load(path).pixels.unique().tolist() == [255]


def test_empty_images_and_targets_named_twice_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shape \(6, 0, 8\); expected .* none empty"):
        load(save(tmp_path / "a.npz", x=numpy.zeros((6, 0, 8)), y=LABELS))
    path = save(tmp_path / "b.npz", x=numpy.ones((6, 2)))
    with pytest.raises(DataError, match="names a column twice: c1, c1"):
        read(str(path), DataSettings(target=("c1", "1")), 0)


def test_many_hot_targets_are_called_labels(tmp_path: Path) -> None:
    found = load(save(tmp_path / "a.npz", x=PIXELS, y=numpy.tri(6, 3)))
    assert found.found[0] == "6 images, each with any of 3 labels"


@pytest.mark.parametrize(
    ("setting", "value"), [("group", "g"), ("time", "t"), ("lags", (1,)), ("target", ("y",))]
)
def test_a_setting_of_tables_is_refused_for_images(
    setting: str, value: object, tmp_path: Path
) -> None:
    settings = DataSettings().model_copy(update={setting: value})
    with pytest.raises(SettingError, match=f"--{setting} names a column of a table"):
        load(save(tmp_path / "a.npz", x=PIXELS, y=LABELS), settings)


def test_arrays_brighter_than_the_training_show_white_and_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x=numpy.full((6, 4, 4), 300), y=LABELS)
    found = load(path, DataSettings().with_levels(Levels(white=255.0)))
    assert found.pixels.unique().tolist() == [255]
    assert [issue.text for issue in found.issues] == ["values up to 300, white is 255"]
