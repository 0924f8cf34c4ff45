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
