"""Which scan shows a content."""

from __future__ import annotations

from ..errors import UnknownName
from ..storage.library import Library
from ..text import clean


def scan_over(library: Library, content: str, scan: int | None) -> tuple[int, str]:
    """Return a scan that has a result of a content, and the hash of its spec.

    The one that is named, else the newest. Raises UnknownName.
    """
    if scan is not None:
        spec_hash = library.runs.get(scan).spec_hash
        if spec_hash in library.results.specs_of(content):
            return scan, spec_hash
        raise UnknownName(f"scan {scan} has no result of the content {clean(content, limit=60)}")
    newest = library.content_scans.newest(content)
    if newest is None:
        raise UnknownName(f"the library has no result of the content {clean(content, limit=60)}")
    return newest
