"""The queue: sources running, waiting and done, and where the pipeline's time goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.protocol.passed_over import PassedOver
from core.text import clean, counted

from ..look.roles import Role
from ..widgets.bar import bar
from ..widgets.columns import Column
from ..widgets.line import LineSpan
from ..widgets.rows import Row
from ..widgets.symbols import Symbols
from . import chrome, wording

if TYPE_CHECKING:
    from core.protocol.messages import LeftOut
    from core.protocol.state import (
        EngineState,
        JobState,
        MachineState,
        ScanState,
        StepState,
        TaskState,
        WatchState,
    )

COLUMNS = (
    Column("STATE", 7),
    Column("FILE", None, flex=3, minimum=24, cut="middle"),
    Column("JOB", 4, align="right", priority=3),
    Column("STAGE", 12, priority=4),
    Column("%", 4, align="right"),
    Column("FR/S", 5, align="right", priority=1),
    Column("LEFT", 7, align="right", priority=1),
    Column("EVENTS", 6, align="right", priority=2),
)
STOPS = {
    "scan": "Stop it after the current microbatch; results are kept",
    "watch": "Stop watching the folder; its scans are kept",
}
"""what cancelling a job of a kind that runs means, in the user's words"""
_TONES: dict[str, Role] = {"FAILED": "bad", "done": "dim", "known": "dim", "paused": "warn"}


def key_of(row: dict[str, Any]) -> str:
    """Return a task's key."""
    return f"{row['scan']}.{row['number']}"


def task_row(row: dict[str, Any], state: EngineState | None) -> Row:
    """Return one source as a row: what the library keeps of it, and its current state.

    A job of another kind than a scan is a row of number 0.
    """
    if row["number"] == 0:
        return job_row(row, state)
    scan = scan_of(state, row["scan"])
    task = task_of(scan, row["number"])
    word = state_word(row, scan, task)
    share = None if task is None else _share(task)
    done = row["state"] in ("done", "known")
    cells = (
        word,
        wording.short_path(row["path"]),
        str(row["scan"]),
        "-" if task is None else clean(slowest(task.steps) or "opening"),
        "100%" if done else wording.percent(share),
        wording.rate(task.frames_per_second if task else _past_rate(row)),
        wording.span(left_seconds(task)) if task else "-",
        str(row["moments"]) if done or row["moments"] else "-",
    )
    return Row(key_of(row), cells, _TONES.get(word, "text"))


def job_row(row: dict[str, Any], state: EngineState | None) -> Row:
    """Return a job of another kind than a scan as a row."""
    job = job_of(state, row["scan"])
    done, total = (job.done, job.total) if job else (row["done"], row["total"])
    share = min(done / total, 1.0) if total else None
    word = job_word(row, job)
    kind = clean(row["kind"]) if row["known"] else "unknown"
    cells = (
        word, wording.short_path(row["path"]), str(row["scan"]), kind.replace("-", " "),
        wording.percent(share), "-", "-", "-",
    )  # fmt: skip
    return Row(key_of(row), cells, _TONES.get(word, "text"))


def job_word(row: dict[str, Any], job: JobState | None) -> str:
    """Return what a job of another kind than a scan does, in a word of at most seven letters."""
    if job is not None:
        return {"running": "run"}.get(job.state, job.state)
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
    return "run" if task is not None else "queued"


def scan_of(state: EngineState | None, number: int) -> ScanState | None:
    """Return a scan that is running or waiting."""
    scans = state.scans if state else ()
    return next((scan for scan in scans if scan.scan == number), None)


def task_of(scan: ScanState | None, number: int) -> TaskState | None:
    """Return a source that is being worked on."""
    tasks = scan.tasks if scan else ()
    return next((task for task in tasks if task.number == number), None)


def at_work(row: dict[str, Any] | None, state: EngineState | None) -> tuple[str, TaskState | None]:
    """Return whose pipeline is shown, in words, and the source: the row's, else the first one."""
    scan = scan_of(state, row["scan"]) if row else None
    task = task_of(scan, row["number"]) if row else None
    if task is not None:
        return "the source under the cursor", task
    tasks = [task for scan in (state.scans if state else ()) for task in scan.tasks]
    if not tasks:
        return "a running scan", None
    return wording.short_path(tasks[0].path), tasks[0]


def left_seconds(task: TaskState | None) -> float | None:
    """Return how long a source will take at the rate it has now."""
    if task is None or not task.frames_total or task.frames_per_second <= 0:
        return None
    return max(task.frames_total - task.frames_done, 0) / task.frames_per_second


def slowest(steps: tuple[StepState, ...]) -> str:
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
    return [
        *_counted(found.running, "running", "good"), *_counted(found.waiting, "queued", "text"),
        *_counted(found.paused, "paused", "warn"), *_counted(failed, "failed", "bad"),
        LineSpan(watching, "dim"),
    ]  # fmt: skip


def _counted(number: int, word: str, role: Role) -> list[LineSpan]:
    return [LineSpan(f"{number} {word}  ", role)] if number else []


def speed(state: EngineState | None) -> list[LineSpan]:
    """Return frames a second, and how many events were found so far."""
    if state is None or not state.scans:
        return []
    rate = sum(task.frames_per_second for scan in state.scans for task in scan.tasks)
    moments = sum(scan.moments for scan in state.scans)
    fast = [LineSpan(wording.rate(rate), "strong"), LineSpan(" fr/s  ", "dim")] if rate else []
    return [*fast, LineSpan(counted(moments, "event"))]


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


def pipeline(task: TaskState | None, width: int, symbols: Symbols) -> list[str]:
    """Return a line for each step of the pipeline: how busy it is, what is queued, who waits."""
    if task is None:
        return ["no scan is running"]
    if not task.steps:
        return ["opening the source"]
    slow = slowest(task.steps)
    total = max(
        (s.busy_seconds + s.waits_in_seconds + s.waits_out_seconds for s in task.steps),
        default=1.0,
    )
    return [_step_line(step, total, step.name == slow, width, symbols) for step in task.steps]


def machine(now: MachineState | None, width: int, symbols: Symbols) -> list[str]:
    """Return how busy the machine is: a line a GPU, else why there is none, and the CPU."""
    if now is None:
        return ["measuring the machine"]
    space = max(min(width - 40, 12), 4)
    lines = []
    for gpu in now.gpus:
        used = f"{wording.size(gpu.memory_used_bytes)}/{wording.size(gpu.memory_total_bytes)}"
        drawn = bar(gpu.utilisation, space, symbols, ends=True)
        heat = "" if gpu.temperature_celsius is None else f"{gpu.temperature_celsius:.0f}C"
        lines.append(f"GPU{gpu.index} {wording.percent(gpu.utilisation):>4} {drawn} {used} {heat}")
    memory = f"{wording.size(now.memory_used_bytes)}/{wording.size(now.memory_total_bytes)}"
    drawn = bar(now.cpu, space, symbols, ends=True)
    return [*lines, f"CPU  {wording.percent(now.cpu):>4} {drawn} {memory}"]


def detail(row: dict[str, Any] | None, state: EngineState | None) -> list[str]:
    """Return what there is to say about the source under the cursor."""
    if row is None:
        return [""]
    if row["number"] == 0:
        return _job_detail(row, state)
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


def _step_line(step: StepState, total: float, slow: bool, width: int, symbols: Symbols) -> str:
    share = step.busy_seconds / total if total > 0 else 0.0
    waits = ""
    if slow:
        waits = "SLOWEST"
    elif step.waits_in_seconds > step.waits_out_seconds and step.waits_in_seconds > 0.2 * total:
        waits = "waits: in"
    elif step.waits_out_seconds > 0.2 * total:
        waits = "waits: out"
    space = max(min(width - 44, 20), 4)
    drawn = bar(share, space, symbols, ends=True)
    return (
        f"{clean(step.name)[:10]:<10} {wording.percent(share):>4} {drawn}  "
        f"queue {step.queued}/{step.capacity}  {waits}"
    )


def _share(task: TaskState) -> float | None:
    if not task.frames_total:
        return None
    return min(task.frames_done / task.frames_total, 0.999)


def _past_rate(row: dict[str, Any]) -> float | None:
    if row["state"] != "done" or not row["seconds"]:
        return None
    return float(row["frames"] / row["seconds"])
