"""Small WebP copies of an image: upright, without any metadata of the camera, never larger than the original."""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

WIDTHS = (320, 640, 1280)
MAX_PIXELS = 50_000_000
"""50 megapixels take 200 MB to decode; no camera people upload from makes larger pictures."""
_WEBP_MAX_SIDE = 16_383
_ORIENTATION = 0x0112
_QUARTER_TURNS = frozenset({5, 6, 7, 8})
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}


@dataclass(frozen=True)
class Rendition:
    """`name` is the step it was made for, `w640`; a narrower original keeps its own width."""

    name: str
    width: int
    height: int
    data: bytes


@dataclass(frozen=True)
class Picture:
    """Width and height as people see the image, and its renditions, narrowest first."""

    width: int
    height: int
    renditions: tuple[Rendition, ...]


class ImageRefused(Exception):  # noqa: N818 - a finding about a file, not a fault of the program
    """The image cannot be taken; `reason` is stored with the file."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def render(data: bytes, detected_type: str) -> Picture:
    """The picture in `data`. Raises ImageRefused: `image_too_large` before decoding it, `corrupt_image`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is the stricter one
            with Image.open(io.BytesIO(data), formats=(_FORMATS[detected_type],)) as image:
                return _render(image)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageRefused("image_too_large") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        # Pillow's decoders meet damaged files with any of these.
        raise ImageRefused("corrupt_image") from error


def _render(image: Image.Image) -> Picture:
    if image.width * image.height > MAX_PIXELS:
        raise ImageRefused("image_too_large")
    turned = image.getexif().get(_ORIENTATION, 1) in _QUARTER_TURNS
    width, height = (image.height, image.width) if turned else (image.width, image.height)
    image.draft("RGB", (WIDTHS[-1], WIDTHS[-1]))  # JPEG only: decode at half, quarter or eighth size
    upright = ImageOps.exif_transpose(image)
    plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    return Picture(width, height, tuple(_shrunk(plain, step, width, height) for step in _steps(width)))


def _steps(width: int) -> tuple[int, ...]:
    """The steps worth making: every one narrower than the image, and the first that holds it whole."""
    return tuple(step for position, step in enumerate(WIDTHS) if position == 0 or WIDTHS[position - 1] < width)


def _shrunk(plain: Image.Image, step: int, width: int, height: int) -> Rendition:
    scale = min(1.0, step / width, _WEBP_MAX_SIDE / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    out = io.BytesIO()
    shrunk = plain.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    shrunk.save(out, "WEBP", quality=82, method=4, exif=b"", xmp=b"", icc_profile=b"")
    return Rendition(f"w{step}", *size, out.getvalue())
