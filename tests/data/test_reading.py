"""This file tests that the right reader is found, and that pickles are refused unread."""

import bz2
import gzip
import lzma
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy
import pytest
import torch

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, TRAIN, UNGIVEN, ImageSet
from descend.data.reading import READERS, match_targets, read
from descend.errors import DataError

SETTINGS = DataSettings()


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.proof,)


def test_digits_are_embedded() -> None:
    name, images = read("digits", SETTINGS, 0)
    assert name == "digits" and isinstance(images, ImageSet)
    assert images.pixels.shape == (1797, 1, 8, 8)
    assert images.pixels.max() == 255 and images.pixels.min() == 0
    assert len(images.classes) == 10


def test_a_folder_named_digits_wins_over_the_embedded_ones(
    cats_and_dogs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cats_and_dogs.rename(cats_and_dogs.parent / "digits")
    monkeypatch.chdir(cats_and_dogs.parent)
    name, _ = read("digits", SETTINGS, 0)
    assert name == "folder"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["a.pkl", "a.pt", "a.pth", "a.joblib", "a.pickle"])
def test_a_pickle_is_refused_unread(name: str, protocol: int, tmp_path: Path) -> None:
    proof = tmp_path / "it-ran"
    (tmp_path / name).write_bytes(pickle.dumps(Malicious(proof), protocol))
    with pytest.raises(DataError, match=r"which could run code when loaded; nothing was loaded"):
        read(str(tmp_path / name), SETTINGS, 0)
    assert not proof.exists()


@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.safetensors", "a.zip", "a.png", "a"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_pickle_under_another_name_is_told_by_content(
    pack: Callable[[bytes], bytes], name: str, tmp_path: Path
) -> None:
    proof = tmp_path / "it-ran"
    (tmp_path / name).write_bytes(pack(pickle.dumps(Malicious(proof))))
    with pytest.raises(DataError, match=r"is a pickle, which could run code"):
        read(str(tmp_path / name), SETTINGS, 0)
    assert not proof.exists()


@pytest.mark.parametrize("name", ["data.pt", "data.npz", "data.zip"])
def test_a_torch_file_is_refused_whatever_its_name(name: str, tmp_path: Path) -> None:
    proof = tmp_path / "it-ran"
    torch.save({"x": torch.ones(3), "evil": Malicious(proof)}, tmp_path / name)
    with pytest.raises(DataError, match=r"is a PyTorch file, which could run code"):
        read(str(tmp_path / name), SETTINGS, 0)
    assert not proof.exists()


def test_an_array_of_objects_is_refused_and_a_plain_one_told_what_to_do(tmp_path: Path) -> None:
    numpy.save(tmp_path / "a.npy", numpy.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"is a NumPy array of Python objects"):
        read(str(tmp_path / "a.npy"), SETTINGS, 0)
    numpy.save(tmp_path / "b.npy", numpy.ones(3))
    with pytest.raises(DataError, match=r"one array without labels; save .* as .npz"):
        read(str(tmp_path / "b.npy"), SETTINGS, 0)


def test_what_is_not_there_is_named_with_its_neighbor(cats_and_dogs: Path) -> None:
    with pytest.raises(DataError, match=r"pest: no such file or folder; did you mean 'pets'"):
        read(str(cats_and_dogs.parent / "pest"), SETTINGS, 0)
    with pytest.raises(DataError, match=r"^no/where: no such file or folder$"):
        read("no/where", SETTINGS, 0)


def test_empty_and_unknown_things_say_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match=r"nothing: the folder is empty; expected a folder with"):
        read(str(tmp_path / "nothing"), SETTINGS, 0)
    (tmp_path / "nothing" / "a.md").write_text("x")
    with pytest.raises(DataError, match=r"no images in it \(found 1 .md\)"):
        read(str(tmp_path / "nothing"), SETTINGS, 0)
    (tmp_path / "empty.bin").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty.bin: the file is empty"):
        read(str(tmp_path / "empty.bin"), SETTINGS, 0)
    (tmp_path / "what.bin").write_bytes(b"\x01\x02\x03\x04" * 9)
    with pytest.raises(DataError, match=r"what.bin: its kind is not known"):
        read(str(tmp_path / "what.bin"), SETTINGS, 0)


def test_every_reader_knows_what_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "a.bin").write_bytes(b"\x01\x02\x03\x04" * 9)
    for name in READERS.names:
        reader = READERS.load(name)
        assert reader.KIND in ("images", "table")
        for path in (tmp_path / "absent", tmp_path / "nothing", tmp_path / "a.bin"):
            assert reader.recognizes(path) == "", (name, path)


def test_a_hub_name_without_the_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # as if it were not installed
    with pytest.raises(DataError, match=r"pip install 'descend\[hub\]'"):
        read("hf://some/pets", SETTINGS, 0)


class Image:
    """Stands for the hub library's feature of this name, as do the two below."""

    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class ClassLabel:
    names = ("cat", "dog")

    def int2str(self, code: int) -> str:
        return self.names[code]


class Rows(list[dict[str, Any]]):
    @property
    def features(self) -> dict[str, Image | ClassLabel]:
        return {"image": Image(), "label": ClassLabel()}

    def cast_column(self, name: str, feature: Image) -> "Rows":
        assert name == "image" and not feature.decode
        return self


@pytest.mark.parametrize("target", ["hf://some/pets", "hub:some/pets"])
def test_a_hub_dataset_of_images_is_read(
    target: str, cats_and_dogs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(cats_and_dogs.rglob("*.png"))
    rows = [
        {"image": {"bytes": file.read_bytes(), "path": None}, "label": int("dogs" in str(file))}
        for file in files
    ]
    asked: list[tuple[str, str | None]] = []

    def load_dataset(name: str, configuration: str | None) -> dict[str, Rows]:
        asked.append((name, configuration))
        return {"train": Rows(rows), "test": Rows(rows[:2])}

    hub = ModuleType("datasets")
    hub.__dict__.update(SimpleNamespace(load_dataset=load_dataset, Image=Image).__dict__)
    monkeypatch.setitem(sys.modules, "datasets", hub)
    name, images = read(target, SETTINGS, 0)
    assert name == "hub" and isinstance(images, ImageSet) and asked == [("some/pets", None)]
    assert images.classes == ("cat", "dog")
    assert images.given.tolist() == [TRAIN] * 12 + [TEST] * 2


def of_classes(*classes: str) -> ImageSet:
    count = len(classes)
    return ImageSet(
        torch.zeros((count, 1, 4, 4), dtype=torch.uint8),
        torch.arange(count),
        classes,
        list(classes),
        torch.full((count,), UNGIVEN, dtype=torch.int8),
        ("images",),
    )


def test_classes_that_differ_in_case_alone_are_told_apart() -> None:
    assert match_targets(of_classes("A", "a", "b"), ("A", "a", "b"), "x").tolist() == [0, 1, 2]
    assert match_targets(of_classes(" B", "a"), ("A", "a", "b"), "x").tolist() == [2, 1]


@pytest.mark.parametrize(
    ("more", "trained"), [(("A ", "b"), ("A", "a", "b")), (("A", "a"), ("a", "b"))]
)
def test_a_class_that_could_be_two_is_refused(
    more: tuple[str, ...], trained: tuple[str, ...]
) -> None:
    with pytest.raises(DataError, match=r"class 'A ?' is not among the classes"):
        match_targets(of_classes(*more), trained, "x")
