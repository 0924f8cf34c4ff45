"""The queue: sources running, waiting and done, and where the pipeline's time goes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from core.protocol.passed_over import PassedOver
from core.text import clean, counted

from ..look.roles import Role
from ..widgets.line import LineSpan
from . import chrome, wording

if TYPE_CHECKING:
    from core.protocol.messages import LeftOut
    from core.protocol.state import (
        EngineState,
        JobState,
        ScanState,
        StepState,
        TaskState,
        WatchState,
    )

SCAN_ROW = -1
"""the number of the row of a scan, where a source has its own and another job has 0"""
STOPS = {
    "scan": "Stop it after the current microbatch; results are kept",
    "watch": "Stop watching the folder; its scans are kept",
}
"""what cancelling a job of a kind that runs means, in the user's words"""


def key_of(row: dict[str, Any]) -> str:
    """Return the key of a scan, a source or a job."""
    return f"{row['scan']}.{row['number']}"


def job_word(row: dict[str, Any], job: JobState | None) -> str:
    """Return what a job of another kind than a scan does, in a word of at most seven letters."""
    if job is not None:
        return {"running": "run", "queued": "waits"}.get(job.state, job.state)
    return {"failed": "FAILED", "done": "done"}.get(row["state"], "stopped")


def job_of(state: EngineState | None, number: int) -> JobState | None:
    """Return a job of any kind that runs or waits."""
    jobs = state.jobs if state else ()
    return next((job for job in jobs if job.number == number), None)


def called(job: JobState) -> str:
    """Return what a job is called in a sentence: `scan 3`."""
    return f"{clean(job.kind).replace('-', ' ')} {job.number}"


def called_all(jobs: Sequence[JobState]) -> str:
    """Return what one job or several are called in a sentence."""
    return called(jobs[0]) if len(jobs) == 1 else counted(len(jobs), "job")


def movable(order: Sequence[int], meant: Collection[int], by: int) -> list[int]:
    """Return which of the jobs that are meant can move one place, in the order to move them.

    Those at the end they move to stay, so that none of them passes another.
    """
    towards = list(order) if by < 0 else list(reversed(order))
    found = []
    free = False
    for number in towards:
        if number not in meant:
            free = True
        elif free:
            found.append(number)
    return found


def state_word(row: dict[str, Any], scan: ScanState | None, task: TaskState | None) -> str:
    """Return what a source does, in a word of at most seven letters."""
    if row["state"] == "failed":
        return "FAILED"
    if row["state"] in ("done", "known"):
        return str(row["state"])
    if scan is None:
        return "stopped"
    if scan.state == "paused":
        return "paused"
    return "run" if task is not None else "waits"


def scan_of(state: EngineState | None, number: int) -> ScanState | None:
    """Return a scan that is running or waiting."""
    scans = state.scans if state else ()
    return next((scan for scan in scans if scan.scan == number), None)


def task_of(scan: ScanState | None, number: int) -> TaskState | None:
    """Return a source that is being worked on."""
    tasks = scan.tasks if scan else ()
    return next((task for task in tasks if task.number == number), None)


def left_seconds(task: TaskState | None) -> float | None:
    """Return how long a source will take at the rate it has now."""
    if task is None or not task.frames_total or task.frames_per_second <= 0:
        return None
    return max(task.frames_total - task.frames_done, 0) / task.frames_per_second


def slowest(steps: Sequence[StepState]) -> str:
    """Return the step that works longest: the others wait for it."""
    worked = [step for step in steps if step.busy_seconds > 0]
    return max(worked, key=lambda step: step.busy_seconds).name if worked else ""


def facts(state: EngineState | None) -> list[LineSpan]:
    """Return what is running, in one line."""
    if state is None:
        return [LineSpan("no engine yet", "dim")]
    watching = "  ".join(filter(None, (_others(state), _watching(state))))
    if not state.scans:
        return [LineSpan(watching or "nothing running; press a to add files", "dim")]
    found = chrome.counts(state)
    failed = sum(scan.failed for scan in state.scans)
    counts: tuple[tuple[int, str, Role], ...] = (
        (found.running, "running", "good"), (found.waiting, "waiting", "text"),
        (found.paused, "paused", "warn"), (failed, "failed", "bad"),
    )  # fmt: skip
    parts = [LineSpan(f"{number} {word}", role) for number, word, role in counts if number]
    parts += [LineSpan(watching, "dim")] if watching else []
    return [piece for part in parts for piece in (part, LineSpan("  "))][:-1]


def speed(state: EngineState | None) -> list[LineSpan]:
    """Return frames a second, and how many events were found so far."""
    if state is None or not state.scans:
        return []
    rate = sum(task.frames_per_second for scan in state.scans for task in scan.tasks)
    moments = sum(scan.moments for scan in state.scans)
    ahead = sum(len(task.provisional_events) for scan in state.scans for task in scan.tasks)
    fast = [LineSpan(wording.rate(rate), "strong"), LineSpan(" fr/s  ", "dim")] if rate else []
    return [*fast, LineSpan(events(moments, ahead))]


def events(found: int, ahead: int) -> str:
    """Return how many events there are, `ahead` of them provisional: `6+ events`."""
    said = counted(found + ahead, "event")
    return said.replace(" ", "+ ", 1) if ahead else said


def _others(state: EngineState) -> str:
    """Return the state of the first job of another kind than a scan, but for watched folders."""
    jobs = [job for job in state.jobs if job.kind != "scan" and not job.standing]
    if not jobs:
        return ""
    share = wording.percent(jobs[0].done / jobs[0].total if jobs[0].total else None)
    more = f" and {counted(len(jobs) - 1, 'other job')}" if len(jobs) > 1 else ""
    return f"{called(jobs[0])} {jobs[0].state} {share}{more}"


def watched(state: EngineState | None) -> list[str]:
    """Return the folders that are watched, under a heading; nothing where there is none."""
    watches = state.watches if state else ()
    return ["watching", *map(watch_line, watches)] if watches else []


def watch_line(watch: WatchState) -> str:
    """Return the state of a watched folder."""
    growing = f"  {watch.growing} still being copied" if watch.growing else ""
    left_out = f"  {clean(watch.left_out)}" if watch.left_out else ""
    said = clean(watch.trouble) or (
        f"{clean(watch.profile)}  {counted(watch.scans, 'scan')}{growing}{left_out}"
    )
    return f"{wording.short_path(watch.folder)}  {said}"


def warnings(state: EngineState | None) -> list[str]:
    """Return what the user should know of the library."""
    return [f"warning: {clean(text)}" for text in (state.warnings if state else ())]


def left_out(event: LeftOut) -> list[str]:
    """Return what lies in the folders of a scan and is not read."""
    return PassedOver(event.links, event.folders, event.kinds, event.reasons).lines()


def _watching(state: EngineState) -> str:
    troubled = [watch for watch in state.watches if watch.trouble]
    if troubled:
        return f"watching: {clean(troubled[0].trouble)}"
    if not state.watches:
        return ""
    if len(state.watches) == 1:
        return f"watching {wording.short_path(state.watches[0].folder, 1)}"
    return f"watching {counted(len(state.watches), 'folder')}"


def detail(row: dict[str, Any] | None, state: EngineState | None) -> list[str]:
    """Return what there is to say about the scan, source or job under the cursor."""
    if row is None:
        return [""]
    if row["number"] == 0:
        return _job_detail(row, state)
    if row["number"] == SCAN_ROW:
        return _scan_detail(row, state)
    scan = scan_of(state, row["scan"])
    task = task_of(scan, row["number"])
    lines = [wording.short_path(row["path"], 99)]
    if row["reason"]:
        lines.append(clean(row["reason"]))
    elif task is not None:
        done, total = task.frames_done, task.frames_total
        frames = f"{done} of {counted(total, 'frame')}" if total else counted(done, "frame")
        lines.append(
            f"{frames}  {wording.rate(task.frames_per_second)} fr/s  "
            f"scan {row['scan']} {scan.profile if scan else ''}"
        )
    else:
        lines.append(
            f"scan {row['scan']}  {row['kind']}  {counted(row['frames'], 'frame')}  "
            f"{counted(row['moments'], 'event')}  took {wording.span(row['seconds'])}"
            if row["state"] in ("done", "known")
            else f"scan {row['scan']}{_place(row['scan'], state)}"
        )
    return lines


def _scan_detail(row: dict[str, Any], state: EngineState | None) -> list[str]:
    counts = f"{counted(row['sources'], 'source')}, {row['done']} done, {row['failed']} failed"
    said = f"scan {row['scan']}  {clean(row['profile'], limit=40)}  {counts}"
    lines = [wording.short_path(row["path"], 99), f"{said}{_place(row['scan'], state)}"]
    return [*lines, clean(row["reason"])] if row["reason"] else lines


def _job_detail(row: dict[str, Any], state: EngineState | None) -> list[str]:
    job = job_of(state, row["scan"])
    kind = clean(row["kind"]).replace("-", " ")
    if not row["known"]:
        kind = f"a kind that this version does not know ({kind}); it is kept unchanged"
    done, total = (job.done, job.total) if job else (row["done"], row["total"])
    share = _units(done, total, job.unit if job else "") + _place(row["scan"], state)
    reason = (job.reason if job else "") or row["reason"]
    said = [wording.short_path(row["path"], 99), f"job {row['scan']}  {kind}{share}"]
    return [*said, clean(reason)] if reason else said


def _place(number: int, state: EngineState | None) -> str:
    """Return the place of a job that waits for its turn, in words; nothing for others."""
    waiting = [job.number for job in (state.jobs if state else ()) if job.state == "queued"]
    if number not in waiting:
        return ""
    return f"  {waiting.index(number) + 1} of {len(waiting)} in the queue"


def _units(done: int, total: int, unit: str) -> str:
    """Return how many units of work are finished, in words."""
    if total and unit == "byte":
        return f"  {wording.percent(done / total)} of {wording.size(total)}"
    if total:
        return f"  {done} of {counted(total, unit) if unit else total}"
    return f"  {counted(done, unit)}" if unit else ""
