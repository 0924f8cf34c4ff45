"""Which method of the engine carries out which command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import UnknownName
from ..protocol import commands
from ..protocol.messages import EventJudged, FrameRemarked
from ..text import clean_path

if TYPE_CHECKING:
    from .engine import Engine


def carry_out(engine: Engine, command: commands.Command) -> int:
    """Carry out a command and return the job it is about, 0 for none. Raises SightlineError."""
    if hasattr(command, "JOB"):
        return engine.submit(command)
    match command:
        case commands.ResumeScan():
            return engine.resume(command.scan, failed=command.failed)
        case commands.RemoveScan():
            return engine.remove(command.scan)
        case commands.EndWatch():
            _end_watch(engine, os.path.abspath(command.folder))
        case commands.MarkFrame() | commands.CorrectFrame():
            _remark(engine, command)
        case commands.JudgeEvent():
            _judge(engine, command)
        case commands.DrawBox() | commands.EraseBox():
            return _box(engine, command)
        case commands.RemoveModel():
            from ..hub.hub import Hub

            Hub().remove(command.name)
        case commands.PausePull() | commands.ContinuePull() | commands.CancelPull():
            _steer_download(engine, command)
        case _:
            _steer(engine, command)
    return command.scan if isinstance(command, commands.AboutScan) else 0


def _steer(engine: Engine, command: commands.Command) -> None:
    """Pause, end or move a job that runs or waits."""
    match command:
        case commands.PauseScan():
            engine.pause(command.scan)
        case commands.ContinueScan():
            engine.continue_(command.scan)
        case commands.CancelScan():
            engine.cancel(command.scan)
        case commands.EndScan():
            engine.end_after_source(command.scan)
        case commands.MoveScan():
            engine.move(command.scan, command.by)


def _steer_download(
    engine: Engine, command: commands.PausePull | commands.ContinuePull | commands.CancelPull
) -> None:
    number = engine.find("download", command.name)
    if number is None:
        raise UnknownName(f"{command.name} is not being downloaded")
    match command:
        case commands.PausePull():
            engine.pause(number)
        case commands.ContinuePull():
            engine.continue_(number)
        case commands.CancelPull():
            engine.cancel(number)


def _remark(engine: Engine, command: commands.MarkFrame | commands.CorrectFrame) -> None:
    remarks = engine.library.remarks
    if isinstance(command, commands.MarkFrame):
        remarks.mark(command.content, command.frame, on=command.on)
    else:
        remarks.correct(command.content, command.frame, command.what, command.text)
    engine.messages.emit(FrameRemarked(0, command.content, command.frame))


def _judge(engine: Engine, command: commands.JudgeEvent) -> None:
    about = (command.content, command.kind, command.peak_frame, command.judgement)
    engine.library.judgements.judge(*about)
    engine.messages.emit(EventJudged(0, *about))


def _box(engine: Engine, command: commands.DrawBox | commands.EraseBox) -> int:
    """Draw or erase a box and return its number."""
    boxes, where = engine.library.drawn_boxes, (command.content, command.frame)
    if isinstance(command, commands.DrawBox):
        number = boxes.draw(*where, command.seconds, command.label, command.box)
    else:
        number = command.number
        boxes.erase(*where, number)
    engine.messages.emit(FrameRemarked(0, *where))
    return number


def _end_watch(engine: Engine, folder: str) -> None:
    """End a watch that runs, or one that the library keeps for the next engine to go on with."""
    number = engine.find("watch", folder)
    if number is not None:
        engine.cancel(number)
        return
    jobs = engine.library.jobs
    kept = [row for row in jobs.all("watch") if row.plan.get("folder") == folder]
    kept = [row for row in kept if row.state not in ("done", "running")]  # one may be ending now
    if not kept:
        raise UnknownName(f"{clean_path(folder)} is not watched")
    for row in kept:
        jobs.set_state(row.number, "done")
