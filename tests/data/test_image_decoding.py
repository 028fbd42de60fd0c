"""This file tests that any image is read right, or named with the reason why not."""

import csv
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from PIL.Image import Transpose

from descend.data.data_settings import DataSettings
from descend.data.image_decoding import Unreadable, decode, measure, pillow_limits
from descend.data.images import (
    Picture,
    choose_size,
    conform,
    read_as,
    read_pictures,
    with_channels,
)

LIMIT = 10**6  # pixels
SaveImage = Callable[..., Path]


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def read_one(content: bytes | Path, size: tuple[int, int] | None = None) -> torch.Tensor:
    with pillow_limits(LIMIT):
        return torch.from_numpy(decode(content, size, LIMIT))


def why_not(content: bytes | Path) -> str:
    with pillow_limits(LIMIT), pytest.raises(Unreadable) as caught:
        decode(content, None, LIMIT)
    return str(caught.value)


RAMP = numpy.tile(numpy.arange(16, dtype=numpy.uint8) * 16, (4, 1))  # (4, 16), 0 … 240


def test_gray_is_told_by_content_not_by_mode() -> None:
    gray = Image.fromarray(RAMP)
    for image in (gray, gray.convert("RGB"), gray.convert("P"), gray.convert("RGBA")):
        assert torch.equal(read_one(encoded(image)), torch.from_numpy(RAMP))
    color = gray.convert("RGB")
    color.putpixel((0, 0), (1, 0, 0))
    assert read_one(encoded(color)).shape == (4, 16, 3)


def test_sixteen_bits_keep_their_brightness() -> None:
    image = Image.fromarray(RAMP.astype(numpy.uint16) * 257)
    for kind in ("PNG", "TIFF"):
        assert torch.equal(read_one(encoded(image, kind)), torch.from_numpy(RAMP))


def test_one_bit_is_black_and_white() -> None:
    image = Image.fromarray(RAMP).point(lambda value: 255 * (value > 99)).convert("1")
    assert torch.unique(read_one(encoded(image))).tolist() == [0, 255]


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_floats_are_scaled_by_the_range_they_fit(top: float) -> None:
    values = (RAMP.astype(numpy.float32) + 15) / 255 * top
    read = read_one(encoded(Image.fromarray(values), "TIFF"))
    assert torch.equal(read, torch.from_numpy(RAMP + 15))


def test_a_float_image_with_nan_is_named() -> None:
    values = numpy.full((4, 4), numpy.nan, numpy.float32)
    assert "NaN" in why_not(encoded(Image.fromarray(values), "TIFF"))


def test_cmyk_shows_its_color() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    red = read_one(encoded(image, "JPEG", quality=100))[4, 4].tolist()
    assert red[0] > 240 and max(red[1:]) < 15


def test_transparency_shows_white_in_every_mode() -> None:
    clear = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    assert (read_one(encoded(clear)) == 255).all()
    half = Image.new("LA", (4, 4), (0, 128))
    assert read_one(encoded(half)).tolist() == [[127] * 4] * 4
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([255, 0, 0, 0, 0, 0])
    assert (read_one(encoded(palette, transparency=1)) == 255).all()
    wide = Image.fromarray(numpy.full((4, 4), 500, numpy.uint16))
    assert (read_one(encoded(wide, transparency=500)) == 255).all()


CORNERS = numpy.array([[0, 50, 100], [150, 200, 250]], numpy.uint8).repeat(16, 0).repeat(16, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_comes_out_upright(orientation: int, kind: str) -> None:
    undo = {2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
            5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_90, 7: Transpose.TRANSVERSE,
            8: Transpose.ROTATE_270}  # fmt: skip
    image = Image.fromarray(CORNERS)
    stored = image.transpose(undo[orientation]) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(stored, kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
    read = read_one(content)
    assert read.shape[:2] == (32, 48)
    gray = read if read.dim() == 2 else read[..., 1]
    difference = (gray.int() - torch.from_numpy(CORNERS).int()).abs()
    assert difference[4:12, 4:12].max() <= 8 and difference[20:28, 36:44].max() <= 8
    if kind != "PNG":
        assert measure(content, LIMIT).size == (32, 48)


def test_only_the_first_frame_of_an_animation_is_read() -> None:
    frames = [Image.new("L", (4, 4), value) for value in (10, 200)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert torch.unique(read_one(content)).tolist() == [10]


def test_too_many_pixels_are_refused_by_the_header() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    for side in (1001, 50_000):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
        reason = why_not(bomb)
        assert "refused as a decompression bomb" in reason and "max_pixels = 1000000" in reason


def test_what_is_no_image_is_named_with_its_reason(tmp_path: Path) -> None:
    whole = encoded(Image.fromarray(CORNERS).convert("RGB"), "JPEG")
    assert why_not(b"") == "it holds zero bytes"
    assert why_not(b"just text") == "its content is no image of a known kind"
    assert "truncated" in why_not(whole[:-200]).lower()
    assert why_not(tmp_path) == "it is not a regular file"
    assert why_not(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n").startswith("its content")


def test_random_damage_never_raises_anything_else(tmp_path: Path) -> None:
    generator = numpy.random.default_rng(0)
    image = Image.fromarray(CORNERS).convert("RGB")
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "TGA"):
        content = numpy.frombuffer(encoded(image, kind), numpy.uint8)
        for _ in range(12):
            damaged = content.copy()
            damaged[generator.integers(0, len(damaged), 6)] = generator.integers(0, 256, 6)
            with pillow_limits(LIMIT), suppress(Unreadable):
                decode(damaged.tobytes(), (8, 8), LIMIT)


def test_resizing_keeps_the_middle_and_averages() -> None:
    stripes = numpy.zeros((64, 128), numpy.uint8)
    stripes[:, 33:95:2] = 200  # every second column of the middle
    small = read_one(encoded(Image.fromarray(stripes)), (8, 8))
    assert small.shape == (8, 8)
    assert (small[:, 1:-1].float() - 100).abs().max() < 12


def test_limits_are_put_back_and_warnings_stay_silent(capfd: pytest.CaptureFixture[str]) -> None:
    before, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    read_one(encoded(Image.fromarray(RAMP)))
    assert before == Image.MAX_IMAGE_PIXELS and filters == list(warnings.filters)
    assert capfd.readouterr() == ("", "")


def test_the_size_follows_from_the_images() -> None:
    assert choose_size([(28, 20)] * 3, None) == (28, 20)
    assert choose_size([(28, 20)] * 3, 16) == (16, 16)
    assert choose_size([(500, 400)] * 3, None) == (128, 128)
    assert choose_size([(30, 40), (33, 50), (90, 31)], None) == (32, 32)
    assert choose_size([(3, 5), (4, 4)], None) == (8, 8)
    assert choose_size([], None) == (128, 128)


def test_a_set_in_color_has_three_channels_everywhere(save_image: SaveImage) -> None:
    color, gray = save_image("a.png"), save_image("b.png", mode="L")
    pictures = [Picture("a", color), Picture("b", gray)]
    decoded = read_pictures(pictures, DataSettings())
    assert decoded.pixels.shape == (2, 3, 12, 12)
    assert torch.equal(decoded.pixels[1, 0], decoded.pixels[1, 2])
    assert read_pictures(pictures[1:], DataSettings()).pixels.shape == (1, 1, 12, 12)
    assert read_as(pictures, (6, 4), 1, DataSettings()).pixels.shape == (2, 1, 6, 4)


def test_the_number_of_threads_changes_nothing(save_image: SaveImage) -> None:
    pictures = [Picture(str(i), save_image(f"{i}.png", 20 + i, 30)) for i in range(8)]
    one, four = (read_pictures(pictures, DataSettings(workers=n)) for n in (1, 4))
    assert torch.equal(one.pixels, four.pixels) and one.kept == four.kept


def test_extreme_sizes_are_listed_but_kept(save_image: SaveImage) -> None:
    sizes = {"tiny.png": (3, 3), "long.png": (10, 90), "plain.png": (12, 12)}
    pictures = [Picture(name, save_image(name, *size)) for name, size in sizes.items()]
    decoded = read_pictures(pictures, DataSettings())
    assert [(i.kind, i.where, i.dropped) for i in decoded.issues] == [
        ("extreme-size", "tiny.png", False), ("extreme-size", "long.png", False),
    ]  # fmt: skip
    assert len(decoded.kept) == 3


def test_color_becomes_gray_as_pillow_has_it(save_image: SaveImage) -> None:
    with Image.open(save_image("a.png")) as image:
        pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1)[None]
        expected = torch.from_numpy(numpy.array(image.convert("L"))).int()
    assert (with_channels(pixels, 1)[0, 0].int() - expected).abs().max() <= 1


def test_conforming_keeps_the_middle() -> None:
    pixels = torch.zeros(2, 1, 10, 30, dtype=torch.uint8)
    pixels[..., 10:20] = 90
    assert (conform(pixels, (5, 5), 3) == 90).all()


@pytest.mark.shared
def test_all_odd_images_are_read_or_named_in_silence(
    shared_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "odd_images"
    with (folder / "MANIFEST.csv").open() as stream:
        expected = {row["file"]: row["decodes"] == "yes" for row in csv.DictReader(stream)}
    pictures = [Picture(name, folder / name) for name in expected]
    decoded = read_pictures(pictures, DataSettings())
    unreadable = {issue.where for issue in decoded.issues if issue.kind == "unreadable"}
    assert unreadable == {name for name, decodes in expected.items() if not decodes}
    assert capfd.readouterr() == ("", "")


@pytest.mark.shared
def test_pictures_of_one_scene_agree_whatever_their_form(shared_data: Path) -> None:
    kinds = ("bmp", "gif", "jpg", "ppm", "tif", "webp")
    turned = [f"hopper_orientation_{number}.jpg" for number in range(2, 9)]
    names = [f"hopper.{kind}" for kind in kinds] + turned + ["hopper_orientation_6.webp"]
    folder = shared_data / "odd_images"
    pictures = [Picture(n, folder / f"pillow_{n}") for n in ("hopper.png", *names)]
    pixels = read_as(pictures, (32, 32), 3, DataSettings()).pixels.float()
    difference = (pixels[1:] - pixels[0]).abs().mean((1, 2, 3))
    assert len(pixels) == len(pictures) and difference.max() < 12
