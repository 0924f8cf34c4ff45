"""The spec that a scan in the library ran with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config.profiles import build
from ..config.spec import Spec
from ..config.stages import STAGES
from ..errors import ProfileError
from ..storage.library import Library
from ..text import clean


def spec_of(library: Library, scan: int) -> Spec:
    """Return the spec a scan ran with, to show its results by.

    Stages that this installation does not have (of a plugin that is gone) are left out, so that
    what the others found can be read. To run a scan again take `exact_spec_of`. Raises
    ProfileError where no stage is left.
    """
    row = library.runs.get(scan)
    return build(_known(row.spec), row.profile, f"scan {scan}")


def exact_spec_of(library: Library, scan: int) -> Spec:
    """Return the spec a scan ran with. Raises ProfileError for a stage that is not here."""
    row = library.runs.get(scan)
    return build({**row.spec}, row.profile, f"scan {scan}")


def _known(tables: Mapping[str, Any]) -> dict[str, Any]:
    known = [name for name in tables.get("stages", ()) if name in STAGES.names()]
    if not known:
        gone = clean(str(next(iter(tables.get("stages", ())), "")))
        raise ProfileError(
            f"the scan uses stage '{gone}', which is not installed; "
            "enable the plugin that provides it"
        )
    names = {*Spec.model_fields, *STAGES.names()}
    return {**{name: table for name, table in tables.items() if name in names}, "stages": known}
