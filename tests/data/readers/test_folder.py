"""This file tests folders of images in the layouts that people have them in."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, TRAIN, UNGIVEN, VALIDATION, ImageSet
from descend.data.image_preprocessing import ImagePreprocessing, fit
from descend.data.readers import folder
from descend.data.reading import read
from descend.errors import DataError

SaveImage = Callable[..., Path]


def load(path: Path, settings: DataSettings | None = None) -> ImageSet:
    name, images = read(str(path), settings or DataSettings(), 0)
    assert name == "folder" and isinstance(images, ImageSet)
    return images


def test_one_folder_per_class_gives_classes_in_order(cats_and_dogs: Path) -> None:
    images = load(cats_and_dogs)
    assert images.classes == ("cats", "dogs")
    assert images.targets is not None and images.targets.tolist() == [0] * 6 + [1] * 6
    assert images.pixels.shape == (12, 3, 12, 12) and images.pixels.dtype == torch.uint8
    assert images.names[0] == "cats/0.png"
    assert images.given.tolist() == [UNGIVEN] * 12
    assert images.found[0] == "12 images in 2 classes: cats 6, dogs 6"
    assert images.issues == ()


def test_folders_named_by_numbers_are_sorted_as_numbers(
    save_image: SaveImage, tmp_path: Path
) -> None:
    for name in ("10", "2", "1"):
        save_image(f"set/{name}/a.png")
    assert load(tmp_path / "set").classes == ("1", "2", "10")


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "TESTING")])
def test_folders_per_split_are_respected(
    names: tuple[str, ...], save_image: SaveImage, tmp_path: Path
) -> None:
    for split in names:
        for animal in ("cats", "dogs"):
            save_image(f"pets/{split}/{animal}/1.png")
    images = load(tmp_path / "pets")
    assert images.classes == ("cats", "dogs")
    assert sorted(images.given.tolist()) == [TRAIN] * 2 + [VALIDATION] * 2 + [TEST] * 2
    assert "split given by folders: train 2, validation 2, test 2" in images.found


def test_a_class_may_be_called_train(save_image: SaveImage, tmp_path: Path) -> None:
    for vehicle in ("train", "bus", "car"):
        save_image(f"vehicles/{vehicle}/1.png")
    images = load(tmp_path / "vehicles")
    assert images.classes == ("bus", "car", "train")
    assert set(images.given.tolist()) == {UNGIVEN}


def test_a_wrapping_folder_is_passed_through(save_image: SaveImage, tmp_path: Path) -> None:
    for animal in ("cats", "dogs"):
        save_image(f"set/data/pets/{animal}/1.png")
    assert load(tmp_path / "set").classes == ("cats", "dogs")


def test_images_deeper_in_a_class_belong_to_it(save_image: SaveImage, tmp_path: Path) -> None:
    save_image("set/cats/2020/may/1.png")
    save_image("set/cats/1.png")
    save_image("set/dogs/1.png")
    images = load(tmp_path / "set")
    assert images.classes == ("cats", "dogs")
    assert list(images.names) == ["cats/1.png", "cats/2020/may/1.png", "dogs/1.png"]


def test_hidden_files_and_clutter_are_passed_over(
    cats_and_dogs: Path, save_image: SaveImage
) -> None:
    save_image("pets/__MACOSX/cats/._1.png")
    save_image("pets/.cache/1.png")
    (cats_and_dogs / "cats" / "Thumbs.db").write_bytes(b"x")
    (cats_and_dogs / "cats" / ".DS_Store").write_bytes(b"x")
    images = load(cats_and_dogs)
    assert len(images.names) == 12 and images.issues == ()


def test_what_is_not_labeled_is_set_aside_and_named(
    cats_and_dogs: Path, save_image: SaveImage
) -> None:
    save_image("pets/unlabeled/1.png")
    (cats_and_dogs / "cats" / "gone.png").symlink_to("nowhere")
    save_image("pets/stray.png")
    (cats_and_dogs / "cats" / "notes.txt").write_text("hello")
    images = load(cats_and_dogs)
    aside = {issue.where: issue.text for issue in images.issues}
    assert "cannot be opened" in aside.pop("cats/gone.png")
    assert set(aside) == {"unlabeled/1.png", "stray.png", "cats/notes.txt"}
    assert "no label" in aside["unlabeled/1.png"]
    assert "no class's folder" in aside["stray.png"]
    assert len(images.names) == 12


def test_unlabeled_images_beside_a_training_folder_do_not_make_it_a_class(
    save_image: SaveImage, tmp_path: Path
) -> None:
    for name in ("train/cats/1.png", "train/dogs/1.png", "unlabeled/1.png"):
        save_image(f"set/{name}")
    images = load(tmp_path / "set")
    assert images.classes == ("cats", "dogs") and len(images.issues) == 1


def test_names_that_are_no_text_can_still_be_printed(cats_and_dogs: Path) -> None:
    odd = os.fsencode(cats_and_dogs / "cats") + b"/\xff.png"
    (cats_and_dogs / "cats" / "1.png").rename(os.fsdecode(odd))
    assert "\n".join(load(cats_and_dogs).names).encode().count(b"cats") == 6


def test_an_image_without_a_telling_name_is_read_by_content(cats_and_dogs: Path) -> None:
    shutil.move(cats_and_dogs / "cats" / "0.png", cats_and_dogs / "cats" / "photo.dat")
    shutil.move(cats_and_dogs / "dogs" / "0.png", cats_and_dogs / "dogs" / "0.jpg")
    images = load(cats_and_dogs)
    assert {"cats/photo.dat", "dogs/0.jpg"} <= set(images.names) and images.issues == ()


def test_broken_images_are_named_and_left_out(cats_and_dogs: Path) -> None:
    whole = (cats_and_dogs / "cats" / "1.png").read_bytes()
    (cats_and_dogs / "cats" / "half.png").write_bytes(whole[: len(whole) // 2])
    (cats_and_dogs / "dogs" / "empty.jpg").write_bytes(b"")
    images = load(cats_and_dogs)
    unreadable = {i.where: i.text for i in images.issues if i.kind == "unreadable" and i.dropped}
    assert set(unreadable) == {"cats/half.png", "dogs/empty.jpg"}
    assert "zero bytes" in unreadable["dogs/empty.jpg"]
    assert len(images.names) == 12


def test_a_class_that_loses_all_its_images_is_named(cats_and_dogs: Path) -> None:
    (cats_and_dogs / "birds").mkdir()
    (cats_and_dogs / "birds" / "1.jpg").write_bytes(b"no image")
    images = load(cats_and_dogs)
    assert images.classes == ("cats", "dogs")
    assert any(i.kind == "lost-class" and i.where == "birds" for i in images.issues)


def test_a_folder_with_no_readable_image_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "set" / "cats").mkdir(parents=True)
    (tmp_path / "set" / "cats" / "1.jpg").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"none of 1 images could be read; cats/1.jpg: .*zero bytes"
    ):
        load(tmp_path / "set")


def test_images_without_class_folders_are_an_error_that_shows_the_layout(
    save_image: SaveImage, tmp_path: Path
) -> None:
    save_image("flat/1.png")
    with pytest.raises(DataError, match=r"no folder per class; expected flat/CLASS/image"):
        load(tmp_path / "flat")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_links_that_lead_back_up_and_pipes_do_not_hang(cats_and_dogs: Path) -> None:
    (cats_and_dogs / "cats" / "loop").symlink_to(cats_and_dogs)
    os.mkfifo(cats_and_dogs / "cats" / "pipe.png")
    images = load(cats_and_dogs)
    assert len(images.names) == 12
    assert [issue.where for issue in images.issues] == ["cats/pipe.png"]


def test_another_folder_can_give_the_test_images(
    cats_and_dogs: Path, save_image: SaveImage
) -> None:
    for animal in ("Dogs", "cats "):
        save_image(f"more/{animal}/1.png", height=30, width=40)
    settings = DataSettings(test=str(cats_and_dogs.parent / "more"))
    images = load(cats_and_dogs, settings)
    assert images.targets is not None
    assert images.pixels.shape == (14, 3, 12, 12)
    assert images.given.tolist() == [UNGIVEN] * 12 + [TEST] * 2
    assert images.targets.tolist()[12:] == [1, 0]  # matched by name, spaces and case aside


def test_a_class_that_only_the_test_folder_has_is_an_error(
    cats_and_dogs: Path, save_image: SaveImage
) -> None:
    save_image("more/wolves/1.png")
    settings = DataSettings(test=str(cats_and_dogs.parent / "more"))
    with pytest.raises(DataError, match=r"--test .*more: class 'wolves' is not among the classes"):
        load(cats_and_dogs, settings)


def test_recognizing_looks_at_names_alone(cats_and_dogs: Path, tmp_path: Path) -> None:
    assert folder.recognizes(cats_and_dogs) == "a folder with folders of images"
    assert folder.recognizes(cats_and_dogs / "cats") == "a folder with images"
    assert folder.recognizes(cats_and_dogs / "cats" / "1.png") == ""
    (tmp_path / "nothing").mkdir()
    assert folder.recognizes(tmp_path / "nothing") == ""


def test_wide_images_share_one_scale_that_predicting_keeps(tmp_path: Path) -> None:
    for name, top in {"a/1": 4095, "a/2": 255, "b/1": 1000, "b/2": 4000}.items():
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        values = numpy.full((8, 8), top, numpy.uint16)
        values[0, 0] = 0
        Image.fromarray(values).save(tmp_path / "x" / f"{name}.png")
    images = load(tmp_path / "x")
    assert images.pixels.amax((1, 2, 3)).tolist() == [255, 16, 62, 249]
    assert "values 0 to 4,095 become black to white" in images.found
    fitted = fit(images.pixels, 10**6, images.levels)
    again = ImagePreprocessing.from_json(json.loads(json.dumps(fitted.to_json())))
    (pixels,), _, _ = again.read_files([tmp_path / "x" / "a" / "2.png"])
    assert int(pixels.max()) == 16


def test_a_file_in_another_format_than_nearly_all_is_named(
    save_image: SaveImage, tmp_path: Path
) -> None:
    for number in range(100):
        save_image(f"x/{'ab'[number % 2]}/{number}.png", height=8, width=8)
    save_image("x/a/odd.gif", height=8, width=8)
    (issue,) = (i for i in load(tmp_path / "x").issues if "odd" in i.where)
    assert issue.kind == "other-format" and not issue.dropped
    assert issue.text == "GIF, where nearly all are PNG"
