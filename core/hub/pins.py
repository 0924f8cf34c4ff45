"""The commits models are pinned at: `pins.toml`, a lock file for weights."""

from __future__ import annotations

import os
import tomllib
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from ..errors import ProfileError
from ..text import clean, clean_path
from .disk import disk_errors
from .faults import NoSuchRevision
from .layout import is_commit
from .resolved import PinnedBy

FILE = "pins.toml"
HEAD = "# Written by sightline: the commit each model is pinned at in the stable channel.\n\n"

Why = Literal["first pull", "promoted", "replaced"]
"""`replaced`: the commit of an earlier pin is gone from the repository"""


@dataclass(frozen=True, slots=True)
class Pin:
    """One model pinned at one commit; `pinned` is a UTC time in ISO 8601."""

    repo: str
    commit: str
    pinned: str
    why: str


class Pins:
    """The user's pins, read again each time: another process may have written them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def get(self, repo: str) -> Pin | None:
        """Return a model's pin. Raises ProfileError if the file is wrong."""
        return self.all().get(repo.lower())

    def all(self) -> dict[str, Pin]:
        """Return every pin by repository in lower case. Raises ProfileError."""
        if not self.path.is_file():
            return {}
        try:
            tables = tomllib.loads(self.path.read_text(encoding="utf-8"))
            pins = [Pin(repo, **body) for repo, body in tables.items()]
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, TypeError) as error:
            raise ProfileError(f"{clean_path(str(self.path))}: {clean(str(error))}") from error
        for pin in pins:
            if not is_commit(str(pin.commit)):
                raise ProfileError(
                    f"{clean_path(str(self.path))}: {clean(pin.repo)} is pinned to "
                    f"'{clean(str(pin.commit), limit=60)}', which is not a full commit"
                )
        return {pin.repo.lower(): pin for pin in pins}

    def set(self, repo: str, commit: str, why: Why) -> Pin:
        """Pin a model at a commit. Raises ProfileError, DiskFull or EnvironmentFault."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        pin = Pin(repo, commit, now, why)
        self._change(repo, pin)
        return pin

    def first(self, repo: str, commit: str) -> Pin:
        """Pin a model at a commit unless it is pinned already; return the pin in force."""
        return self.get(repo) or self.set(repo, commit, "first pull")

    def remove(self, repo: str) -> Pin | None:
        """Unpin a model; return the pin it had. Raises ProfileError or EnvironmentFault."""
        pin = self.get(repo)
        if pin is not None:
            self._change(repo, None)
        return pin

    def _change(self, repo: str, pin: Pin | None) -> None:
        from filelock import FileLock

        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_name(f".{FILE}.lock"), mode=0o664):
                pins = self.all()
                pins.pop(repo.lower(), None)
                if pin is not None:
                    pins[repo.lower()] = pin
                self._write(pins)

    def _write(self, pins: dict[str, Pin]) -> None:
        import tomlkit

        document = tomlkit.document()
        for pin in sorted(pins.values(), key=lambda pin: pin.repo.lower()):
            document[pin.repo] = {k: v for k, v in asdict(pin).items() if k != "repo"}
        temporary = self.path.with_name(f".{FILE}.{os.getpid()}.part")
        try:
            temporary.write_text(HEAD + tomlkit.dumps(document), encoding="utf-8")
            temporary.replace(self.path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def gone(name: str, commit: str, chosen_by: PinnedBy) -> NoSuchRevision:
    """Return the error for a commit that was chosen for the user and that the hub does not have.

    `chosen_by` is a pin, a setting (`models.toml`, MINICPM_REVISION), or the hub itself.
    """
    shown = clean(name)
    if chosen_by in ("settings", "MINICPM_REVISION"):
        where = "models.toml" if chosen_by == "settings" else "the variable MINICPM_REVISION"
        return NoSuchRevision(
            f"{where} names {clean(commit, limit=80)} for {shown}, which its repository does not "
            "have, or no longer, as after its history was rewritten. Change or remove it there; or "
            f"get one that you choose: `sightline models pull {shown}@COMMIT`"
        )
    if chosen_by != "pins":
        return NoSuchRevision(
            f"the hub names {commit} as the newest commit of {shown} and has no files at it, as "
            f"after its history was rewritten; try again later, or name a commit: {shown}@COMMIT"
        )
    return NoSuchRevision(
        f"{shown} is pinned to {commit}, which its repository no longer has: its history was "
        f"rewritten. Remove the pin: `sightline models unpin {shown}`; or get the newest commit: "
        f"`sightline models pull {shown} --channel edge`; or one that you choose: "
        f"`sightline models pull {shown}@COMMIT`"
    )
