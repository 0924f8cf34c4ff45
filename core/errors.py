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
│   ├── ModelRefused         is there, and cannot or must not be loaded as asked
│   ├── DownloadFailed
│   ├── EngineGone           the engine's process ended while it was talked to
│   ├── EngineBusy           the engine is there and does not answer in time
│   └── OutOfMemory          the device is full even with one frame at a time
├── SourceError              one source cannot be read; never stops a scan
│   ├── Unreadable
│   ├── TooLarge
│   ├── Vanished
│   └── ReaderDied
│       └── ReaderKilled     from outside; the file is not to blame and is tried again
├── ImageRejected          a model's processor cannot take one picture of a batch
└── Interrupted              exit 130: stopped by the user; work so far is kept
"""

from __future__ import annotations

from enum import IntEnum


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
    ExitCode.OK: "all well",
    ExitCode.SOME_FAILED: "finished, but some sources failed (or a check did not hold)",
    ExitCode.USAGE: "the call, the profile or a setting is wrong; nothing was done",
    ExitCode.NOTHING_TO_SCAN: "no video or picture was found under the given paths",
    ExitCode.ENVIRONMENT: "this machine or library cannot: busy, too new, full, an extra absent",
    ExitCode.INTERNAL: "a defect in sightline; the log says where",
    ExitCode.INTERRUPTED: "interrupted; what is done is kept and `runs resume` continues it",
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
    """This machine or this library cannot do what was asked."""


class LibraryBusy(EnvironmentFault):
    """Another engine writes to this library."""


class LibraryTooNew(EnvironmentFault):
    """The library was written by a newer sightline."""


class LibraryDamaged(EnvironmentFault):
    """The library's database cannot be read."""


class LibraryGone(EnvironmentFault):
    """The library's database is not the file any more that was opened."""


class DiskFull(EnvironmentFault):
    """No space left where the library or an export is written."""


class MissingExtra(EnvironmentFault):
    """An optional package is needed and not installed."""


class PluginFault(EnvironmentFault):
    """Something of an enabled plugin is needed and cannot be used."""


class ModelMissing(EnvironmentFault):
    """A model is not on this disk, and could not be found where it was looked for."""


class ModelRefused(EnvironmentFault):
    """A model is there, and cannot or must not be loaded as asked."""


class DownloadFailed(EnvironmentFault):
    """A download broke off; what came is kept and the next pull continues from there."""


class EngineGone(EnvironmentFault):
    """The engine's process ended while it was talked to."""


class EngineBusy(EnvironmentFault):
    """The engine's process is there, and does not answer in time."""


class OutOfMemory(EnvironmentFault):
    """The device's memory does not suffice even for one frame at a time."""


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
    """The file was there when the scan began and is not any more."""


class ReaderDied(SourceError):
    """The decoding process crashed, or gave no frame within the time limit."""


class ReaderKilled(ReaderDied):
    """The decoding process was ended by a signal from outside: nothing is known of the file."""


class Interrupted(SightlineError):
    """Stopped by the user; what was finished is kept."""

    exit_code = ExitCode.INTERRUPTED
