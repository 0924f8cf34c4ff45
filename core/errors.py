"""Everything sightline raises on purpose.

SightlineError               the message says what was wrong, with which file, and what to do
├── UsageError               exit 2: the call, a profile or a setting is wrong
│   ├── ProfileError
│   ├── UnknownName
│   └── NothingLeft          a scan is complete: there is nothing to resume
├── NothingToScan            exit 3: no source was found
├── EnvironmentFault         exit 4: this machine or this library cannot do it
│   ├── LibraryBusy
│   ├── LibraryTooNew
│   ├── LibraryDamaged
│   ├── LibraryGone          deleted, moved or replaced while it was written
│   ├── DiskFull
│   ├── MissingExtra
│   ├── PluginFault          an enabled plugin cannot be used; the rest continues without it
│   ├── ModelMissing         not on this disk, and offline or not found on the hub
│   ├── ModelRefused         is on this disk, and cannot or must not be loaded as requested
│   ├── DownloadFailed
│   ├── EngineGone           the engine's process ended during a request
│   ├── EngineBusy           the engine exists and does not answer in time
│   ├── IndexFault           the vector index or its server cannot be used
│   └── OutOfMemory          the device is full even with one frame at a time
├── SourceError              one source cannot be read; never stops a scan
│   ├── Unreadable
│   ├── TooLarge
│   ├── Vanished
│   └── ReaderDied
│       └── ReaderKilled     from outside; the file is tried again
├── ImageRejected          a model's processor cannot take one picture of a batch
└── Interrupted              exit 130: stopped by the user; work so far is kept
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any


class ExitCode(IntEnum):
    """What a headless command returns to the shell."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    NOTHING_TO_SCAN = 3
    ENVIRONMENT = 4
    INTERNAL = 70
    INTERRUPTED = 130


EXIT_MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "success",
    ExitCode.SOME_FAILED: "finished, but some sources failed (or a check failed)",
    ExitCode.USAGE: "wrong arguments, profile or setting; nothing was done",
    ExitCode.NOTHING_TO_SCAN: "no video or picture found under the given paths",
    ExitCode.ENVIRONMENT: "environment: library busy or too new, disk full, extra missing",
    ExitCode.INTERNAL: "internal error in sightline; the message names the log",
    ExitCode.INTERRUPTED: "interrupted; results so far are stored, `runs resume` continues",
}


class SightlineError(Exception):
    """Base of everything raised on purpose; `str()` is one line meant for the user."""

    exit_code: ExitCode = ExitCode.ENVIRONMENT


class UsageError(SightlineError):
    """The call, a profile or a setting is wrong."""

    exit_code = ExitCode.USAGE


class ProfileError(UsageError):
    """A profile or settings file does not validate."""


class UnknownName(UsageError):
    """Something was named that does not exist."""


class NothingLeft(UsageError):
    """A scan that is to be resumed is complete."""


class NothingToScan(SightlineError):
    """No source was found."""

    exit_code = ExitCode.NOTHING_TO_SCAN


class EnvironmentFault(SightlineError):
    """This machine or this library cannot do what was asked.

    `answered` are the questions of a batch that were answered before, by their place in it.
    """

    answered: Mapping[int, Any] = MappingProxyType({})


class LibraryBusy(EnvironmentFault):
    """Another engine writes to this library."""


class LibraryTooNew(EnvironmentFault):
    """The library was written by a newer sightline."""


class LibraryDamaged(EnvironmentFault):
    """The library's database cannot be read."""


class LibraryGone(EnvironmentFault):
    """The library's database is no longer the file that was opened."""


class DiskFull(EnvironmentFault):
    """No space left where the library or an export is written."""


class MissingExtra(EnvironmentFault):
    """An optional package is needed and not installed."""


class PluginFault(EnvironmentFault):
    """An enabled plugin is needed and cannot be used."""


class ModelMissing(EnvironmentFault):
    """A model is not on this disk and was not found at its source."""


class ModelRefused(EnvironmentFault):
    """A model is on this disk and cannot or must not be loaded as requested."""


class DownloadFailed(EnvironmentFault):
    """A download was interrupted; the next pull continues from the last byte received."""


class EngineGone(EnvironmentFault):
    """The engine's process ended during a request."""


class EngineBusy(EnvironmentFault):
    """The engine's process exists and does not answer in time."""


class IndexFault(EnvironmentFault):
    """The vector index or its server cannot be used: locked, damaged, of another model, away."""


class OutOfMemory(EnvironmentFault):
    """The device's memory is too small even for one frame at a time."""


class ImageRejected(SightlineError):
    """A model's processor cannot take one picture of a batch; `index` says which."""

    exit_code = ExitCode.SOME_FAILED

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.index = index


class SourceError(SightlineError):
    """One source cannot be read."""

    exit_code = ExitCode.SOME_FAILED


class Unreadable(SourceError):
    """The file is not a picture or video, or is too damaged to give a single frame."""


class TooLarge(SourceError):
    """The file claims more pixels or frames than the limits allow."""


class Vanished(SourceError):
    """The file existed when the scan began and is gone."""


class ReaderDied(SourceError):
    """The decoding process crashed, or gave no frame within the time limit."""


class ReaderKilled(ReaderDied):
    """The decoding process was killed from outside; this says nothing about the file."""


class Interrupted(SightlineError):
    """Stopped by the user; what was finished is kept."""

    exit_code = ExitCode.INTERRUPTED
