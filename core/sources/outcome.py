"""What a reader reports beside frames: who decodes them, and how reading ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .hardware import SOFTWARE


@dataclass(frozen=True, slots=True)
class VideoEnd:
    """How reading a video ended.

    `cut_off` says why the file counts as cut off, if it does. `end_seconds` is when its last frame
    ends, None unless it was read to its end.
    """

    frames: int
    bad_packets: int
    ended_early: bool
    warnings: tuple[str, ...]
    cut_off: str = ""
    end_seconds: float | None = None

    def facts(self) -> dict[str, Any]:
        """Return what is kept of it with a series and in provenance."""
        return {**asdict(self), "warnings": list(self.warnings)}


@dataclass(frozen=True, slots=True)
class ReaderChosen:
    """Which library decodes the frames, and why; on which device, and why not on the one asked for.

    `decoder` is `software` or the device's name.
    """

    reader: str
    why: str
    decoder: str = SOFTWARE
    fallback: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what is kept of it with a series and in provenance."""
        facts = asdict(self)
        return {key: value for key, value in facts.items() if value not in ("", SOFTWARE)}
