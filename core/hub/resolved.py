"""A model that was named, found: which commit of which repository, or which folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..models.protocols import Kind

Channel = Literal["stable", "edge"]

PinnedBy = Literal[
    "reference", "MINICPM_REVISION", "settings", "pins", "cache", "newest", "folder", "endpoint"
]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a reference stands for now.

    `revision` is a full commit, `local-…` for a folder of the user's own, or `endpoint`. `folder`
    is where the whole model lies on this disk, None until it is pulled (and for an endpoint).
    `remote_code` is true only with consent to this very commit; `needs_remote_code` says that the
    model cannot be loaded without. `pinned_by` says what decided the revision.
    """

    text: str
    name: str
    kind: Kind
    family: str
    repo: str
    revision: str
    pinned_by: PinnedBy
    folder: Path | None
    needs_remote_code: bool = False
    remote_code: bool = False
    branch: str = ""
    """the branch or tag that stood at this commit when it was asked for"""
    url: str = ""
    """an endpoint's address"""
    weights: str = ""
    """the one weights file asked for by name"""
    options: Mapping[str, Any] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    """what is not on this disk, if any of it is"""

    @property
    def reference(self) -> str:
        """Return what names exactly this again."""
        if self.url:
            return f"{self.url}#{self.name}"
        return f"{self.name}@{self.revision}" if self.repo else str(self.folder)
