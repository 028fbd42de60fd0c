"""This file tests CIFAR's binary version; the Python version is refused."""

from pathlib import Path

import numpy
import pytest

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, TRAIN, UNGIVEN, ImageSet
from descend.data.reading import read
from descend.errors import DataError


def write_batch(path: Path, labels: list[list[int]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    head = numpy.array(labels, numpy.uint8)
    pixels = numpy.zeros((len(labels), 3, 32, 32), numpy.uint8)
    pixels[:, 0], pixels[:, 1], pixels[:, 2, 0, 5] = head[:, -1:, None], 7, 9
    numpy.concatenate([head, pixels.reshape(len(labels), -1)], axis=1).tofile(path)
    return path


def load(path: Path) -> ImageSet:
    name, images = read(str(path), DataSettings(), 0)
    assert name == "cifar" and isinstance(images, ImageSet)
    return images


def test_ten_classes_with_their_names_and_split(tmp_path: Path) -> None:
    for batch in (1, 2):
        write_batch(tmp_path / "c" / f"data_batch_{batch}.bin", [[0], [1]])
    write_batch(tmp_path / "c" / "test_batch.bin", [[1]])
    (tmp_path / "c" / "batches.meta.txt").write_text("airplane\nautomobile\n\n")
    images = load(tmp_path / "c")
    assert images.classes == ("airplane", "automobile")
    assert images.given.tolist() == [TRAIN] * 4 + [TEST]
    assert images.pixels.shape == (5, 3, 32, 32)
    assert images.targets is not None
    assert images.pixels[:, 0, 3, 3].tolist() == images.targets.tolist()
    assert images.pixels[0, 2, 0, 5] == 9  # rows before columns


def test_a_hundred_classes_use_the_fine_label(tmp_path: Path) -> None:
    write_batch(tmp_path / "c" / "train.bin", [[0, 3], [1, 4], [1, 3]])
    write_batch(tmp_path / "c" / "test.bin", [[0, 4]])
    (tmp_path / "c" / "fine_label_names.txt").write_text("\n".join("abcdefgh"))
    images = load(tmp_path / "c")
    assert images.classes == ("d", "e")
    assert images.targets is not None and sorted(images.targets.tolist()) == [0, 0, 1, 1]


def test_one_file_alone_is_ours_to_split(tmp_path: Path) -> None:
    file = write_batch(tmp_path / "c" / "data_batch_1.bin", [[0], [1]])
    write_batch(tmp_path / "c" / "test_batch.bin", [[1]])
    images = load(file)
    assert images.classes == ("0", "1") and images.given.tolist() == [UNGIVEN] * 2


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    file = write_batch(tmp_path / "c" / "data_batch_1.bin", [[0], [1]])
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(
        DataError, match=r"data_batch_1.bin: 6,046 bytes, no whole number of images"
    ):
        load(tmp_path / "c")


def test_a_label_without_a_name_is_an_error(tmp_path: Path) -> None:
    write_batch(tmp_path / "c" / "data_batch_1.bin", [[0], [9]])
    (tmp_path / "c" / "batches.meta.txt").write_text("airplane\nautomobile\n")
    with pytest.raises(DataError, match=r"label 9, but only 2 class names"):
        load(tmp_path / "c")


def test_the_python_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (tmp_path / name).write_bytes(b"\x80\x02}q\x01.")
    with pytest.raises(DataError, match=r"pickles that could run code; .*binary version \(.bin\)"):
        load(tmp_path)
