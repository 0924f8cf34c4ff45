"""The user's settings file and the folders sightline uses."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import EnvironmentFault, ProfileError
from ..text import clean, nearest

DEFAULT_PROFILE = "quick"
ADVANCES = ("next", "stay")
"""values of `review.advance`, the default first"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `settings.toml` may hold; a flag or an environment variable wins over it."""

    profile: str | None = None
    """profile used when none is named"""
    library: str | None = None
    """folder of the library"""
    quiet: bool = False
    """no progress on stderr"""
    no_color: bool = False
    """never colour headless output"""
    theme: str = ""
    """theme of the app; empty takes what the terminal can show"""
    mouse: bool = True
    """whether the app takes the mouse; if not, the terminal selects text with it"""
    ascii: bool = False
    """draw the app with ASCII signs only"""
    low_bandwidth: bool = False
    """send less: the app draws every two seconds and shows no pictures"""
    review: dict[str, Any] = field(default_factory=dict)
    """`advance`: after a judgement, `next` goes to the next unjudged row, `stay` does not"""
    keys: dict[str, Any] = field(default_factory=dict)
    """keys of the app: a `preset` (default, vim, arrows), and keys by the action's id"""
    plugins: dict[str, Any] = field(default_factory=dict)
    """`enabled`: names of the installed distributions whose code may be imported"""
    search: dict[str, Any] = field(default_factory=dict)
    """a Qdrant server for the index: `url`, `api_key`, and `timeout` in seconds (30)"""


def chosen_profile(flag: str | None, settings: Settings) -> str:
    """Return the profile to use: the flag, the environment, the settings file, else `quick`."""
    environment = os.environ.get("SIGHTLINE_PROFILE") or os.environ.get("LD_PROFILE")
    return flag or environment or settings.profile or DEFAULT_PROFILE


def config_folder() -> Path:
    """Return the folder of settings and profiles: `SIGHTLINE_CONFIG`, else the platform's."""
    named = os.environ.get("SIGHTLINE_CONFIG")
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("sightline", appauthor=False))


def library_folder(flag: str | None, settings: Settings) -> Path:
    """Return the library's folder: the flag, `SIGHTLINE_LIBRARY`, the settings, the platform's."""
    named = flag or os.environ.get("SIGHTLINE_LIBRARY") or settings.library
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("sightline", appauthor=False))


def log_file(library: Path) -> Path:
    """Return where the engine of a library logs."""
    return library / "engine.log"


def settings_file() -> Path:
    """Return the path of the settings file, which need not be there."""
    return config_folder() / "settings.toml"


def load() -> Settings:
    """Read `settings.toml`; a missing file is an empty one. Raises ProfileError if it is wrong."""
    path = settings_file()
    if not path.is_file():
        return Settings()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ProfileError(f"{clean(str(path))}: {clean(str(error))}") from error
    return _validated(path, tables)


def enabled_plugins() -> tuple[str, ...]:
    """Return the distributions that `[plugins] enabled` names, read again when the file changed.

    Raises ProfileError if the file is wrong.
    """
    path = settings_file()
    try:
        status = path.stat()
    except OSError:
        return ()
    return _enabled(path, (status.st_mtime_ns, status.st_size, status.st_ino))


def set_enabled_plugins(names: Sequence[str]) -> Path:
    """Write `[plugins] enabled`, comments of the file kept, and return the file's path.

    Raises ProfileError if the file as it stands is wrong, EnvironmentFault if it cannot be written.
    """
    import tomlkit

    from ..system import private_files as private

    path = settings_file().resolve()  # one that is a link stays a link
    load()
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
        table: Any = document.setdefault("plugins", tomlkit.table())
        table["enabled"] = list(names)
        private.write_whole(path, tomlkit.dumps(document).encode("utf-8"))
    except OSError as error:
        raise EnvironmentFault(f"{clean(str(path))}: {error.strerror}") from error
    return path


@lru_cache(maxsize=1)
def _enabled(_path: Path, _signature: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(load().plugins.get("enabled", ()))


def _validated(path: Path, tables: dict[str, Any]) -> Settings:
    known = {each.name: each.type for each in fields(Settings)}
    for key, value in tables.items():
        if key not in known:
            raise ProfileError(
                f"{clean(str(path))}: unknown setting '{clean(key)}'{nearest(key, list(known))}"
            )
        wanted = {"bool": bool, "dict[str, Any]": dict}.get(str(known[key]), str)
        if not isinstance(value, wanted):
            words = {bool: "true or false", dict: "a table"}.get(wanted, "text")
            raise ProfileError(f"{clean(str(path))}: {key} must be {words}")
    _check_plugins(path, tables.get("plugins", {}))
    _check_review(path, tables.get("review", {}))
    _check_search(path, tables.get("search", {}))
    return Settings(**tables)


def _check_review(path: Path, table: dict[str, Any]) -> None:
    for key, value in table.items():
        if key != "advance":
            hint = nearest(key, ["advance"])
            raise ProfileError(f"{clean(str(path))}: unknown setting 'review.{clean(key)}'{hint}")
        if value not in ADVANCES:
            raise ProfileError(
                f"{clean(str(path))}: review.advance must be {' or '.join(ADVANCES)}"
            )


def _check_search(path: Path, table: dict[str, Any]) -> None:
    kinds: dict[str, tuple[type, ...]] = {
        "url": (str,), "api_key": (str,), "timeout": (int, float),
    }  # fmt: skip
    for key, value in table.items():
        if key not in kinds:
            hint = nearest(key, list(kinds))
            raise ProfileError(f"{clean(str(path))}: unknown setting 'search.{clean(key)}'{hint}")
        wrong = not isinstance(value, kinds[key]) or isinstance(value, bool)
        if wrong or (key == "timeout" and not 0 < value <= 3600):
            words = "text" if kinds[key] == (str,) else "seconds, at most 3600"
            raise ProfileError(f"{clean(str(path))}: search.{key} must be {words}")


def _check_plugins(path: Path, table: dict[str, Any]) -> None:
    for key in table:
        if key != "enabled":
            hint = nearest(key, ["enabled"])
            raise ProfileError(f"{clean(str(path))}: unknown setting 'plugins.{clean(key)}'{hint}")
    names = table.get("enabled", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ProfileError(f"{clean(str(path))}: plugins.enabled must be a list of names")
