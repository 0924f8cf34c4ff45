"""Which commit `models promote` pins: one that gave an answer here, never an older one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..text import clean
from .reference import Reference

if TYPE_CHECKING:
    from ..models.catalog import VerifiedModel


def commit_to_pin(reference: Reference, rows: Sequence[VerifiedModel], newest: str) -> str:
    """Return the commit to pin, of rows with the newest first.

    `newest` is the commit that the main branch had when it was last fetched, "" if unknown. It is
    what is promoted unless a commit is named: an older one that was verified again meanwhile is
    not. Raises UsageError for a commit that was not loaded and tried.
    """
    rows = [row for row in rows if row.commit.startswith(reference.revision)]
    tried = [row.commit for row in rows if row.loaded]
    wanted = newest if newest and not reference.revision else ""
    if wanted in tried or (tried and not wanted):
        return wanted or tried[0]
    raise UsageError(_refusal(reference, [row.commit for row in rows], tried, wanted))


def _refusal(
    reference: Reference, checked: Sequence[str], tried: Sequence[str], wanted: str
) -> str:
    name = clean(reference.name)
    again = f"sightline models verify {name}"
    channel = "" if reference.revision else " --channel edge"
    if wanted and tried:
        return (
            f"the newest commit of {name} on this machine, {wanted}, was not verified; run: "
            f"{again}{channel}; to pin the verified one: sightline models promote {name}@{tried[0]}"
        )
    if checked:
        which = f"@{checked[0]}" if reference.revision else ""
        return (
            f"{name}: only its files were checked (--files-only), which does not show that it "
            f"works; first run: {again}{which}{channel}"
        )
    return (
        f"{clean(reference.text)} was not verified on this machine; first run: "
        f"sightline models pull {name} --channel edge, then {again} --channel edge"
    )
