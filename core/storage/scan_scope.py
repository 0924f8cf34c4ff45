"""One scan or all of them: the SQL that selects it, and the keys of tasks in either.

A task's number counts within its scan. Where all scans are read, its key also holds the scan.
"""

from __future__ import annotations

ALL = 0
"""in place of a scan's number: every scan, the newest first"""
_SHIFT = 32
TASK_OF_ALL = f"((tasks.scan << {_SHIFT}) + tasks.number)"


def scope(scan: int) -> str:
    """Return the condition that a task is in a scan; its parameter is the scan's number."""
    return "tasks.scan = ?" if scan != ALL else f"? = {ALL}"


def task_column(scan: int) -> str:
    """Return what a task's key is selected by."""
    return TASK_OF_ALL if scan == ALL else "tasks.number"


def first_order(scan: int, direction: str = "") -> str:
    """Return the order of sources, those of the newest scan first."""
    within = f"tasks.number{direction}"
    return within if scan != ALL else f"tasks.scan{'' if direction else ' DESC'}, {within}"


def parted(scan: int, task: int) -> tuple[int, int]:
    """Return the scan and the number in it of a task's key."""
    return (scan, task) if scan != ALL else (task >> _SHIFT, task & ((1 << _SHIFT) - 1))
