"""This file tests archives: what is in them is read, and nothing is written outside."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from descend.data.data_settings import DataSettings
from descend.data.examples import ImageSet, TableSet
from descend.data.readers import archive
from descend.data.reading import read
from descend.errors import DataError


def pack_zip(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(folder.rglob("*")):
            packed.write(file, file.relative_to(folder.parent))
    return path


def load(path: Path) -> ImageSet:
    name, images = read(str(path), DataSettings(), 0)
    assert name == "archive" and isinstance(images, ImageSet)
    return images


def test_a_zip_of_class_folders_is_read(cats_and_dogs: Path, tmp_path: Path) -> None:
    images = load(pack_zip(cats_and_dogs, tmp_path / "pets.zip"))
    assert images.classes == ("cats", "dogs") and len(images.names) == 12
    assert images.names[0] == "cats/0.png"
    assert images.found[1] == "unpacked from pets.zip"


@pytest.mark.parametrize("kind", ["", "gz", "bz2", "xz"])
def test_a_tar_is_read_whatever_its_name(kind: str, cats_and_dogs: Path, tmp_path: Path) -> None:
    path = tmp_path / "pets.bin"
    with tarfile.open(path, f"w:{kind}") as packed:  # type: ignore[call-overload]
        packed.add(cats_and_dogs, "pets")
    assert load(path).classes == ("cats", "dogs")


def test_a_zip_of_one_table_is_read_as_that_table(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as packed:
        packed.writestr("rows.csv", "a,b\n1,x\n2,y\n3,x\n4,y\n")
    name, table = read(str(tmp_path / "t.zip"), DataSettings(target=("b",)), 0)
    assert name == "archive" and isinstance(table, TableSet)
    assert table.frame.columns == ["a", "b"]


@pytest.mark.parametrize(
    "name", ["../evil.png", "/tmp/evil.png", "a/../../evil.png", "C:/evil.png"]
)
def test_a_name_that_leads_outside_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(name, b"x")
    with pytest.raises(DataError, match=r"evil.zip: refused: its member .* outside the folder"):
        load(path)
    assert not (tmp_path / "evil.png").exists()


def test_links_in_an_archive_are_left_out_and_named(cats_and_dogs: Path, tmp_path: Path) -> None:
    path = tmp_path / "pets.tar"
    with tarfile.open(path, "w") as packed:
        packed.add(cats_and_dogs, "pets")
        link = tarfile.TarInfo("pets/cats/passwd.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    images = load(path)
    assert len(images.names) == 12
    assert [issue.where for issue in images.issues] == ["pets/cats/passwd.png"]


def test_links_in_a_zip_are_left_out_and_named(cats_and_dogs: Path, tmp_path: Path) -> None:
    path = pack_zip(cats_and_dogs, tmp_path / "pets.zip")
    with zipfile.ZipFile(path, "a") as packed:
        info = zipfile.ZipInfo("pets/cats/passwd.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, "/etc/passwd")
    assert [issue.where for issue in load(path).issues] == ["pets/cats/passwd.png"]


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_BOMB_BYTES", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("cats/1.png", bytes(30 << 20))
    with pytest.raises(
        DataError, match=r"bomb.zip: refused: it unpacks to over 200 times its size"
    ):
        load(path)


def test_a_truncated_archive_is_one_clear_line(cats_and_dogs: Path, tmp_path: Path) -> None:
    whole = pack_zip(cats_and_dogs, tmp_path / "pets.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"half.zip: the archive is damaged"):
        load(tmp_path / "half.zip")
    (tmp_path / "half.tar.gz").write_bytes(b"\x1f\x8b\x08garbage")
    with pytest.raises(DataError, match=r"half.tar.gz: the archive is damaged"):
        load(tmp_path / "half.tar.gz")


def test_errors_inside_name_the_archive_and_not_the_place_it_was_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "notes.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.md", "x")
        packed.writestr("b.md", "y")
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: no images in it (found 2 .md)")


def test_an_empty_archive_is_an_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(DataError, match=r"empty.zip: the archive is empty"):
        load(tmp_path / "empty.zip")


def test_arrays_and_office_documents_are_no_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as packed:
        packed.writestr("x.npy", b"")
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as packed:
        packed.writestr("[Content_Types].xml", b"")
    assert archive.recognizes(tmp_path / "a.npz") == archive.recognizes(tmp_path / "a.docx") == ""


def test_members_may_carry_backslashes_of_windows(cats_and_dogs: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "win.zip", "w") as packed:
        for file in sorted(cats_and_dogs.rglob("*.png")):
            info = zipfile.ZipInfo("x")
            info.filename = str(file.relative_to(cats_and_dogs)).replace("/", "\\")
            packed.writestr(info, file.read_bytes())
    assert load(tmp_path / "win.zip").classes == ("cats", "dogs")


def test_a_device_in_a_tar_is_left_out(cats_and_dogs: Path) -> None:
    path = cats_and_dogs.parent / "pets.tar"
    with tarfile.open(path, "w") as packed:
        packed.add(cats_and_dogs, "pets")
        device = tarfile.TarInfo("pets/cats/null.png")
        device.type = tarfile.CHRTYPE
        packed.addfile(device, io.BytesIO())
    assert [issue.where for issue in load(path).issues] == ["pets/cats/null.png"]
