"""This file turns one image file, whatever is inside it, into upright 8-bit gray or color.

Only Pillow's own raster decoders are allowed: its EPS reader, for one, would start another program.
A file is judged by its content; its name's extension decides nothing.
"""

import io
import logging
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, NamedTuple

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.Image import Resampling, Transpose

from descend.data.examples import UNKNOWN_LEVELS, Levels

Array = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.uint8]]
Source = Path | bytes
Size = tuple[int, int]  # height, width in pixels

_WANTED = (
    "PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "PPM", "ICO", "TGA", "PCX",
    "JPEG2000",
)  # fmt: skip
# What Pillow's decoders were seen or are documented to raise on damaged files.
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, LookupError, TypeError,
    AttributeError, ArithmeticError, MemoryError, NotImplementedError, RuntimeError,
    ImageCms.PyCMSError,
)  # fmt: skip
_ORIENTATION = 0x0112  # EXIF tag
_BITS_PER_SAMPLE = 258  # TIFF tag
_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}  # fmt: skip
_guard = threading.Lock()
# Without a handler Python prints what Pillow logs of damaged files; the exceptions say the same.
logging.getLogger("PIL").addHandler(logging.NullHandler())


class Unreadable(Exception):
    """This file gives no image; the message says why."""


@contextmanager
def pillow_limits(max_pixels: int) -> Iterator[None]:
    """Set Pillow's limit and silence its warnings; both are global, so enter before any thread."""
    with _guard, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


class Measured(NamedTuple):
    """What is known of an image before it is decoded."""

    size: Size  # it is shown at
    format: str
    peak: float | None  # largest value, where its type does not tell which value is white
    is_whole: bool  # the peak is one of whole numbers


def measure(source: Source, max_pixels: int) -> Measured:
    """From its header, or its values where these are wide. Unreadable says what is wrong."""
    with _opened(source, max_pixels) as image:
        width, height = image.size
        # Pillow turns a TIFF itself, and reads a whole PNG to know its orientation.
        turned = image.format in ("JPEG", "MPO", "WEBP") and _orientation(image) >= 5
        size = (width, height) if turned else (height, width)
        is_open = image.mode.startswith(("I", "F")) and _bits(image) == 16
        peak = float(_wide_values(image).max(initial=0)) if is_open else None
        return Measured(size, image.format or "", peak, image.mode.startswith("I"))


def decode(
    source: Source, size: Size | None, max_pixels: int, levels: Levels = UNKNOWN_LEVELS
) -> Array:
    """uint8 (height, width) when gray, else (height, width, 3); upright, on white.

    With a size: the largest centered part of that aspect, resampled with antialiasing. Unreadable
    says what is wrong. Runs in threads, inside `pillow_limits`.
    """
    with _opened(source, max_pixels) as image:
        if size is not None:
            image.draft(None, (2 * max(size), 2 * max(size)))  # JPEG: decode no more than needed
        plain = _to_eight_bits(image, levels)
        plain = _turned(plain, _orientation(image))
        if size is not None and (plain.height, plain.width) != size:
            plain = ImageOps.fit(plain, (size[1], size[0]), Resampling.BILINEAR)
        pixels = numpy.asarray(plain, dtype=numpy.uint8)
    return without_empty_color(pixels)


def without_empty_color(pixels: Array) -> Array:
    """Drop the color axis of an image whose three channels are equal."""
    if pixels.ndim == 2:
        return pixels
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    gray = numpy.array_equal(red, green) and numpy.array_equal(red, blue)
    return numpy.ascontiguousarray(red) if gray else pixels


def looks_like_image(start: bytes) -> bool:
    """Do these first bytes belong to a usual image file?"""
    return start.startswith(_MAGIC) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


_MAGIC = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"BM")


def _formats() -> list[str]:
    Image.init()
    return [name for name in _WANTED if name in Image.OPEN]


_FORMATS = _formats()


@contextmanager
def _opened(source: Source, max_pixels: int) -> Iterator[Image.Image]:
    try:
        with _stream(source) as stream, Image.open(stream, formats=_FORMATS) as image:
            pixels = image.width * image.height
            if pixels > max_pixels:
                raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
            if pixels == 0:
                raise Unreadable("its width or height is zero")
            with _silent_libtiff() if image.format == "TIFF" else nullcontext():
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        text = str(error).partition(" exceeds limit")[0].removeprefix("Image size ").strip("()")
        raise Unreadable(
            f"refused as a decompression bomb: {text}, more than max_pixels = {max_pixels}"
        ) from None
    except UnidentifiedImageError:
        raise Unreadable("its content is no image of a known kind") from None
    except _DAMAGE as error:
        text = (str(error) or type(error).__name__).splitlines()[0]
        raise Unreadable(f"damaged: {text[:120]}") from None


class _SilentLibtiff:
    """Sends what libtiff prints on damaged files nowhere; errors reach us as exceptions anyway.

    It prints from C to the process's standard error, so that is pointed elsewhere while at least
    one thread reads a TIFF.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._kept = -1

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._readers += 1
            if self._readers == 1:
                self._kept = os.dup(2)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if self._readers == 0:
                    os.dup2(self._kept, 2)
                    os.close(self._kept)


_silent_libtiff = _SilentLibtiff()


@contextmanager
def _stream(source: Source) -> Iterator[IO[bytes]]:
    with _open_file(source) if isinstance(source, Path) else io.BytesIO(source) as stream:
        if not stream.read(1):
            raise Unreadable("it holds zero bytes")
        stream.seek(0)
        yield stream


def _open_file(path: Path) -> IO[bytes]:
    try:
        if path.exists() and not path.is_file():  # a pipe would block for ever
            raise Unreadable("it is not a regular file")
        return path.open("rb")
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror}") from None


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _DAMAGE:  # damaged EXIF says nothing; the pixels may still be whole
        return 1
    return value if isinstance(value, int) else 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _to_eight_bits(image: Image.Image, levels: Levels) -> Image.Image:
    """Mode "L" or "RGB"; what is transparent shows white."""
    image.load()
    mode = image.mode
    if mode.startswith(("I", "F")):
        return _from_wide(image, levels)
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _on_white(image)
    if mode == "LAB":
        transform = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None, "only in-place transforms give nothing"
        return converted
    return image if mode in ("L", "RGB") else image.convert("L" if mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    shown = image.convert("RGBA")
    white = Image.new("RGBA", shown.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, shown).convert("RGB")


def _from_wide(image: Image.Image, levels: Levels) -> Image.Image:
    """16- and 32-bit integers and floats, by `levels`; without these by the range of the type."""
    values = _wide_values(image)
    low, high = _black_and_white(image, float(values.max(initial=0)), levels)
    shown = numpy.rint((values - low) * (255 / (high - low)))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        shown[values == transparent] = 255
    return Image.fromarray(shown.clip(0, 255).astype(numpy.uint8))


def _wide_values(image: Image.Image) -> NDArray[numpy.float64]:
    values = numpy.asarray(image).astype(numpy.float64)
    if not numpy.isfinite(values).all():
        raise Unreadable("it holds NaN or infinite values")
    return values


def _black_and_white(image: Image.Image, found: float, levels: Levels) -> tuple[float, float]:
    bits = _bits(image)
    if bits < 16:
        return 0.0, float(2**bits - 1)
    if image.mode.startswith("I"):
        return 0.0, levels.white or (65535.0 if found <= 65535 else float(2**31 - 1))
    low, high = levels.low, levels.high
    if low is None or high is None:
        return float_range(0.0, found)
    if found > high:
        raise Unreadable(f"it holds values up to {found:g}, where others have {low:g} to {high:g}")
    return low, high


def float_range(low: float, high: float) -> tuple[float, float]:
    """The usual range that values without a range of their own lie in."""
    if high <= 1 and -1 <= low < 0:
        return -1.0, 1.0
    return 0.0, next((limit for limit in (1.0, 255.0, 65535.0) if high <= limit), high)


def whole_white(high: float) -> float:
    """The largest number of so many bits: sensors of 12 bits are saved in 16."""
    return float(2 ** max(8, int(high).bit_length()) - 1)


def _bits(image: Image.Image) -> int:
    """Bits that the file says its values have, or 16 where it leaves that open."""
    if not image.mode.startswith("I;16") or image.format != "TIFF":
        return 16
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, 16)  # type: ignore[attr-defined]
    width = bits[0] if isinstance(bits, tuple) else bits
    return width if 8 <= width <= 16 else 16


def cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
