"""This file tests idx files, whole and damaged."""

import gzip
import struct
from pathlib import Path

import numpy
import pytest

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, TRAIN, UNGIVEN, ImageSet
from descend.data.reading import read
from descend.errors import DataError


def write_idx(path: Path, values: numpy.ndarray, packed: bool = False, kind: int = 8) -> Path:
    head = bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    content = head + values.astype(numpy.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def write_pair(
    folder: Path, prefix: str, count: int, packed: bool = False, side: int = 8
) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    generator = numpy.random.default_rng(count)
    end = ".gz" if packed else ""
    return (
        write_idx(
            folder / f"{prefix}-images-idx3-ubyte{end}",
            generator.integers(0, 256, (count, side, side)),
            packed,
        ),
        write_idx(folder / f"{prefix}-labels-idx1-ubyte{end}", numpy.arange(count) % 3, packed),
    )


def load(path: Path) -> ImageSet:
    name, images = read(str(path), DataSettings(), 0)
    assert name == "idx" and isinstance(images, ImageSet)
    return images


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_as_mnist_ships_it_keeps_its_split(packed: bool, tmp_path: Path) -> None:
    write_pair(tmp_path / "m", "train", 9, packed)
    write_pair(tmp_path / "m", "t10k", 6, packed)
    (tmp_path / "m" / "LICENSE").write_text("MIT")
    images = load(tmp_path / "m")
    assert images.pixels.shape == (15, 1, 8, 8)
    assert images.classes == ("0", "1", "2")
    assert sorted(images.given.tolist()) == [TRAIN] * 9 + [TEST] * 6
    assert images.targets is not None
    assert images.targets[images.given == TRAIN].tolist() == [0, 1, 2] * 3
    assert any("idx3-ubyte" in name and name.endswith("image 9") for name in images.names)


def test_one_file_is_read_with_its_partner_and_is_ours_to_split(tmp_path: Path) -> None:
    images_file, labels_file = write_pair(tmp_path / "m", "train", 9)
    write_pair(tmp_path / "m", "t10k", 6)
    for file in (images_file, labels_file):
        images = load(file)
        assert len(images.names) == 9 and set(images.given.tolist()) == {UNGIVEN}


def test_names_with_dots_and_no_gz_ending_are_read(tmp_path: Path) -> None:
    generator = numpy.random.default_rng(0)
    write_idx(
        tmp_path / "train-images.idx3-ubyte", generator.integers(0, 9, (4, 5, 5)), packed=True
    )
    write_idx(tmp_path / "train-labels.idx1-ubyte", numpy.array([5, 7, 5, 7]))
    images = load(tmp_path)
    assert images.classes == ("5", "7")
    assert images.pixels.shape == (4, 1, 5, 5)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    file, _ = write_pair(tmp_path / "m", "train", 9)
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"train-images.* promises 576 bytes .* holds only 571"):
        load(tmp_path / "m")


def test_a_truncated_gzip_file_is_named(tmp_path: Path) -> None:
    file, _ = write_pair(tmp_path / "m", "train", 90, packed=True)
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz: damaged or truncated"):
        load(tmp_path / "m")


def test_a_header_that_promises_the_impossible_is_refused_before_reading(tmp_path: Path) -> None:
    file, _ = write_pair(tmp_path / "m", "train", 9)
    file.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 1000, 1000))
    with pytest.raises(DataError, match=r"truncated: its header promises"):
        load(tmp_path / "m")


def test_counts_that_differ_are_an_error(tmp_path: Path) -> None:
    _, labels = write_pair(tmp_path / "m", "train", 9)
    write_idx(labels, numpy.arange(8))
    with pytest.raises(DataError, match=r"holds 9 images, but .* 8 labels"):
        load(tmp_path / "m")


def test_other_types_of_values_are_an_error(tmp_path: Path) -> None:
    file, _ = write_pair(tmp_path / "m", "train", 9)
    write_idx(file, numpy.zeros((9, 8, 8)), kind=0x0D)
    with pytest.raises(DataError, match=r"type 0x0d; expected 0x08"):
        load(tmp_path / "m")


def test_images_without_labels_are_an_error_that_shows_the_names(tmp_path: Path) -> None:
    _, labels = write_pair(tmp_path / "m", "train", 9)
    labels.unlink()
    with pytest.raises(DataError, match=r"no images with their labels; expected two files"):
        load(tmp_path / "m")


def test_two_data_sets_in_one_folder_are_not_mixed(tmp_path: Path) -> None:
    write_pair(tmp_path / "m", "emnist-letters-train", 9)
    write_pair(tmp_path / "m", "emnist-digits-train", 9)
    with pytest.raises(DataError, match=r"several data sets in one folder"):
        load(tmp_path / "m")


@pytest.mark.shared
def test_fashion_mnist_is_read_whole(shared_data: Path) -> None:
    images = load(shared_data / "fashion_mnist")
    assert images.pixels.shape == (70_000, 1, 28, 28)
    assert (images.given == TRAIN).sum() == 60_000 and (images.given == TEST).sum() == 10_000
    assert images.targets is not None
    assert images.targets[images.given == TEST].bincount().tolist() == [1000] * 10
