"""Stopping and pausing a download: the `Control` of all work, and its cancel as an Interrupted."""

from __future__ import annotations

from ..errors import Interrupted
from ..pipeline.channel import Cancelled, Control

__all__ = ["Control", "checkpoint", "sleep"]
_STOPPED = "stopped; run the same command again to continue where it stopped"


def checkpoint(control: Control) -> None:
    """Wait while paused. Raises Interrupted once cancelled."""
    try:
        control.checkpoint()
    except Cancelled as cancelled:
        raise Interrupted(_STOPPED) from cancelled


def sleep(control: Control, seconds: float) -> None:
    """Wait so long, and while paused. Raises Interrupted as soon as it is cancelled."""
    try:
        control.wait(seconds)
    except Cancelled as cancelled:
        raise Interrupted(_STOPPED) from cancelled
