"""Which formats pictures are read in: no other parser of Pillow's ever sees a file.

Pillow knows over forty formats. Of those that are not listed here some start a program on the file
(EPS: Ghostscript), some follow old and rarely tested code, and none is of use to this product.
"""

from __future__ import annotations

import io
import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# The module of each format; MPO is opened as the JPEG that it begins with. TGA has no signature and
# accepts what it can, so it comes last.
_MODULES = {
    "JPEG": "PIL.JpegImagePlugin",
    "PNG": "PIL.PngImagePlugin",
    "GIF": "PIL.GifImagePlugin",
    "WEBP": "PIL.WebPImagePlugin",
    "TIFF": "PIL.TiffImagePlugin",
    "BMP": "PIL.BmpImagePlugin",
    "HEIF": "pillow_heif",
    "AVIF": "PIL.AvifImagePlugin",
    "JPEG2000": "PIL.Jpeg2KImagePlugin",
    "PPM": "PIL.PpmImagePlugin",
    "ICO": "PIL.IcoImagePlugin",
    "QOI": "PIL.QoiImagePlugin",
    "TGA": "PIL.TgaImagePlugin",
}
FORMATS = tuple(_MODULES)
"""as Pillow names them, in the order in which they are tried"""


def open_listed(path: str, formats: tuple[str, ...] = FORMATS) -> ImageFile:
    """Open a picture of a listed format, without decoding it. Raises what Pillow raises."""
    from PIL import Image

    for name in formats:
        _register(name)
    Image.MAX_IMAGE_PIXELS = None  # the opener checks the size, and its error says what to do
    return Image.open(_webp_alone(path) or path, formats=formats)


def _webp_alone(path: str) -> io.BytesIO | None:
    """Return a WebP without what follows it, or None.

    Its header says how long it is; Pillow reads the whole file into memory before it looks.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        length = 8 + int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or head[8:] != b"WEBP" or length >= os.path.getsize(path):
            return None
        file.seek(0)
        return io.BytesIO(file.read(length))


def _register(name: str) -> None:
    """Load one parser: Pillow would load all of them to find one it does not know yet."""
    from PIL import Image

    if name in Image.OPEN:
        return
    module = import_module(_MODULES[name])
    if name == "HEIF":
        module.register_heif_opener()
