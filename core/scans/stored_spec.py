"""The spec that a scan in the library ran with."""

from __future__ import annotations

from ..config.profiles import build
from ..config.spec import Spec
from ..storage.library import Library


def spec_of(library: Library, scan: int) -> Spec:
    """Return the spec a scan ran with."""
    row = library.runs.get(scan)
    return build({**row.spec}, row.profile, f"scan {scan}")
