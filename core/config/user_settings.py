"""The user's settings file and the folders sightline uses."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import ProfileError
from ..text import clean, nearest

DEFAULT_PROFILE = "quick"


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
    keys: dict[str, Any] = field(default_factory=dict)
    """keys of the app: a `preset` (default, vim, arrows), and keys by the action's id"""


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


def load() -> Settings:
    """Read `settings.toml`; a missing file is an empty one. Raises ProfileError if it is wrong."""
    path = config_folder() / "settings.toml"
    if not path.is_file():
        return Settings()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ProfileError(f"{clean(str(path))}: {clean(str(error))}") from error
    return _validated(path, tables)


def _validated(path: Path, tables: dict[str, Any]) -> Settings:
    known = {each.name: each.type for each in fields(Settings)}
    for key, value in tables.items():
        if key not in known:
            raise ProfileError(
                f"{clean(str(path))}: unknown setting '{clean(key)}'{nearest(key, list(known))}"
            )
        wanted = {"bool": bool, "dict[str, Any]": dict}.get(str(known[key]), str)
        if not isinstance(value, wanted):
            raise ProfileError(f"{clean(str(path))}: {key} must be a {wanted.__name__}")
    return Settings(**tables)
