"""What a front end does on its own machine, whether an engine runs or not.

Light to import: everything behind it is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..errors import EnvironmentFault
    from ..protocol.commands import VerifyScan
    from ..protocol.run_diff import RunDiff
    from ..protocol.views import RederivedSource


def write_private(path: Path, data: bytes) -> None:
    """Write a file only the user can read, completely or not at all. Raises OSError."""
    from ..system.private_files import write_whole

    write_whole(path, data)


def private_folder(folder: Path) -> bool:
    """Make a folder only the user can read unless it is there; return whether it is the user's."""
    from ..system import private_files as private

    private.make_folder(folder)
    return private.is_ours(folder)


def open_private(path: Path, flags: int) -> int:
    """Open a file only the user can read, and return its descriptor.

    Raises OSError: for a link, for another user's file, for what is no file.
    """
    from ..system.private_files import open_file

    return open_file(path, flags)


def child_environment(
    more: Mapping[str, str] | None = None, *, also: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return the environment of child processes: variables that may hold secrets are left out."""
    from ..system.child_environment import child_environment as kept

    return kept(more, also=also)


def disk_fault_of(error: OSError) -> EnvironmentFault | None:
    """Return what the machine refused as an error to show, None if it may be a defect of ours."""
    from ..system.disk_errors import disk_fault_of as fault_of

    return fault_of(error)


def write_file(path: Path, data: bytes) -> None:
    """Write a file completely or not at all. Raises EnvironmentFault."""
    from ..storage.export.atomic import write

    write(path, data)


def diff_text(found: RunDiff, ending: str) -> str:
    """Return the difference of two scans as a file's text: `.md`, `.csv`, `.xml` or `.json`."""
    from ..reports.comparing.diff_files import rendered

    return rendered(found, ending)


def diff_body(found: RunDiff) -> dict[str, Any]:
    """Return the difference of two scans as one JSON object."""
    from ..reports.comparing.diff_files import diff_json

    return diff_json(found)


def draw_demo(clip: Path) -> Path:
    """Draw the demo's storm as a clip and return the file of what is true of it."""
    from ..synthetic.storm import demo_scene, write

    return write(demo_scene(), clip)


@contextmanager
def folders_to_write(folders: Sequence[Path]) -> Iterator[None]:
    """Make folders that will be written to; what is new and empty goes again if the block fails.

    Raises EnvironmentFault if a folder cannot be written.
    """
    if not folders:
        yield
        return
    from ..storage.export.atomic import make_writable, remove_if_empty

    new: list[Path] = []
    try:
        for folder in folders:
            if make_writable(folder):
                new.append(folder)
        yield
    except BaseException:
        for folder in reversed(new):
            remove_if_empty(folder)
        raise


def check_formats(names: Sequence[str]) -> None:
    """Raise UsageError for an export format there is none of."""
    if names:
        from ..storage.export.table import check_formats as check

        check(names)


def is_known_kind(path: str) -> bool:
    """Return whether a file's name says that it is a video or a picture."""
    from ..sources.find import KNOWN_SUFFIXES

    return Path(path).suffix.lower() in KNOWN_SUFFIXES


def verified_without_engine(folder: Path, command: VerifyScan) -> Iterator[RederivedSource]:
    """Carry out a verification in a read-only library. Raises SightlineError."""
    from ..experiments import rederive
    from ..experiments.stage_output import read_golden
    from ..storage.library import Library

    with closing(Library(folder, writable=False)) as library:
        golden = read_golden(Path(command.golden)) if command.golden else None
        yield from rederive.verify(library, command.scan, command.stage, golden)
