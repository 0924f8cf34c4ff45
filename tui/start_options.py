"""What the call and the user's settings ask of the app."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .keys.actions import Keymap, defaults

if TYPE_CHECKING:
    from core.protocol.commands import SubmitScan, WatchFolder


@dataclass(frozen=True, slots=True)
class StartOptions:
    """What the call and the user's settings ask of the app."""

    library: Path
    state_folder: Path
    keymap: Keymap = field(default_factory=defaults)
    theme: str = ""
    readonly: bool = False
    ascii: bool = False
    low_bandwidth: bool = False
    draw_seconds: float = 0.0
    profile: str = "quick"
    advances: bool = True
    """a judgement leads to the next unjudged row"""
    submit: SubmitScan | WatchFolder | None = None
    """a scan, or a folder to watch, to begin with"""
    screen: str = ""
    """where to begin; empty goes back to where the app was left"""
