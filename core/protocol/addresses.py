"""Addresses of sources as people write them: paths and URLs.

A path is what names something that is there, whatever it looks like: `s3:/x` and `file:a.mp4` are
valid file names. Only what is not there and begins as a URL does is one.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote_to_bytes

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_MINIMAL_FILE_URL = re.compile(r"(file):/", re.IGNORECASE)
"""RFC 8089, appendix B: without an authority"""
_FRAME = re.compile(r"#frame=(\d{1,18})(?:&stream=(\d{1,9}))?$", re.ASCII)
_HOSTS = frozenset(("", "localhost"))


def scheme_of(text: str) -> str:
    """Return the scheme of a URL in lower case, or an empty string for a path."""
    found = _URL.match(text) or _MINIMAL_FILE_URL.match(text)
    return "" if found is None or os.path.lexists(text) else found[1].lower()


def absolute(text: str) -> str:
    """Return an address that means the same in any folder.

    Paths become absolute, `file:` URLs of this machine become paths; other URLs stay as they are.
    """
    scheme = scheme_of(text)
    if not scheme:
        return os.path.abspath(os.path.expanduser(text))
    path = path_of(text) if scheme == "file" else None
    return text if path is None else os.path.abspath(path)


def path_of(url: str) -> str | None:
    """Return the path of a `file:` URL (RFC 8089), None for one of another machine.

    Percent-encoded bytes are decoded as file names are; `?` and `#` have no meaning in such a URL.
    """
    rest = url.partition(":")[2]
    host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "/", rest[1:])
    if host.lower() not in _HOSTS or not slash:
        return None
    return os.fsdecode(unquote_to_bytes(os.fsencode(f"/{path}")))


def frame_address(path: str, frame: int | None, stream: int | None = None) -> str:
    """Return `video.mp4#frame=123`, or the path as it is where no frame is meant.

    `stream` is the number of the video stream, where one was asked for.
    """
    if frame is None:
        return path
    return f"{path}#frame={frame}" + ("" if stream is None else f"&stream={stream}")


def split_frame_address(address: str) -> tuple[str, int | None, int | None]:
    """Return path, frame and stream of what `frame_address` returned; a path alone has neither.

    A file that is there under the whole name is that file.
    """
    found = None if os.path.lexists(address) else _FRAME.search(address)
    if found is None:
        return address, None, None
    return address[: found.start()], int(found[1]), int(found[2]) if found[2] else None
