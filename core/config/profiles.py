"""Profiles: TOML presets, found by name, extended, validated, and edited with comments kept."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import EnvironmentFault, ProfileError, UnknownName
from ..system import private_files as private
from ..text import clean, nearest
from .complaints import described
from .named_files import read_text
from .section import from_file
from .spec import Spec, section_class, sections
from .stages import STAGES
from .user_settings import config_folder

MOST_BYTES = 4 * 2**20
TEMPLATE = """\
# {name}: what this profile is for.
# Every setting, with its default and meaning, is listed in docs/profiles.md.
description = ""
extends = "{base}"

# [flash]
# sensitivity = 0.5
"""


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """One profile on disk; a user's file hides a preset of the same name."""

    name: str
    path: Path
    preset: bool


def preset_folder() -> Path:
    """Return the folder of the presets: beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parents[1] / "_profiles"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "profiles"


def user_folder() -> Path:
    """Return the folder of the user's own profiles."""
    return config_folder() / "profiles"


def available() -> dict[str, ProfileFile]:
    """Return every profile by name, the user's own before presets."""
    found: dict[str, ProfileFile] = {}
    for folder, preset in ((preset_folder(), True), (user_folder(), False)):
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            if path.stem != "prompts":
                found[path.stem] = ProfileFile(path.stem, path, preset)
    return dict(sorted(found.items()))


def find(name: str) -> ProfileFile:
    """Return the profile called `name`, which may also be the path of a TOML file."""
    if name.endswith(".toml"):
        path = Path(name).expanduser()
        if not path.exists():
            raise UnknownName(f"{clean(name)}: no such profile file")
        return ProfileFile(path.stem, path, preset=False)
    known = available()
    if name not in known:
        raise UnknownName(
            f"unknown profile '{clean(name)}'{nearest(name, list(known))}; "
            f"known: {', '.join(known)}"
        )
    return known[name]


def read(profile: ProfileFile) -> dict[str, Any]:
    """Return the file's own tables, unresolved."""
    return tomllib.loads(text_of(profile))


def text_of(profile: ProfileFile) -> str:
    """Return the file's text, which is TOML. Raises ProfileError."""
    try:
        text = read_text(profile.path, MOST_BYTES)
    except ValueError as error:
        raise ProfileError(str(error)) from error
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{clean(str(profile.path))}: {clean(str(error))}") from error
    return text


def resolve(name: str, overrides: Mapping[str, Any] | None = None) -> Spec:
    """Return the spec of a profile: what it extends, itself, then dotted `overrides` on top."""
    profile = find(name)
    tables = _extended(profile, ())
    for key, value in (overrides or {}).items():
        _check_key(key)
        _assign(tables, key.split("."), value)
    where = f"profile {profile.name} with the settings given on top" if overrides else ""
    return build(tables, profile.name, where or str(profile.path))


def embedded(overrides: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """Return overrides with what files say for the files they name: an engine may run elsewhere.

    `spec` is what they were resolved to.
    """
    found = dict(overrides)
    for key, value in overrides.items():
        table, _, name = key.partition(".")
        mark = from_file(section_class(table), name)
        if mark is not None and mark.is_path(value):
            found[key] = getattr(spec.section(table), name)
    return found


def build(tables: dict[str, Any], name: str, where: str) -> Spec:
    """Validate resolved tables; raises ProfileError with the file, the key and what is allowed."""
    try:
        return Spec(**{**tables, "profile": name})
    except ValidationError as error:
        raise ProfileError(f"{clean(where)}: {describe(error)}") from error
    except ProfileError as error:
        raise ProfileError(f"profile {clean(name)}: {error}") from error


def describe(error: ValidationError) -> str:
    """Return what is wrong with the first wrong setting."""
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"]]
    key = ".".join(parts)
    if first["type"] == "extra_forbidden":
        known = _known_in(parts[:-1])
        return f"unknown setting '{clean(key)}'{nearest(parts[-1], known)}"
    return described(error)


def parse_override(text: str) -> tuple[str, Any]:
    """Split `section.key=value`; the value is read as TOML, else taken as a string."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ProfileError(f"--set {clean(text)}: write it as section.key=value")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def setting_keys() -> Iterator[str]:
    """Yield every dotted setting a profile may hold."""
    yield from ("description", "stages")
    for name, section in sections().items():
        yield from (f"{name}.{key}" for key in section.model_fields)


def create(name: str, base: str) -> Path:
    """Write a new profile that extends `base` into the user's folder and return its path."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ProfileError(f"'{clean(name)}': a profile's name is letters, digits, '-' and '_'")
    find(base)
    path = user_folder() / f"{name}.toml"
    try:
        private.make_folder(path.parent)  # a profile may hold an endpoint's password
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(private.open_file(path, flags), "w", encoding="utf-8") as file:
            file.write(TEMPLATE.format(name=name, base=base))
    except FileExistsError as error:
        raise ProfileError(
            f"{clean(str(path))} exists already; change it with `profiles edit {name}`"
        ) from error
    except OSError as error:
        raise EnvironmentFault(f"{clean(str(path))}: {error.strerror}") from error
    return path


def editable(name: str) -> ProfileFile:
    """Return a profile of the user's own; a preset is extended, never changed."""
    profile = find(name)
    if profile.preset:
        raise ProfileError(
            f"'{name}' is a preset and cannot be changed; "
            f"create your own: sightline profiles new my-{name} --extends {name}"
        )
    return profile


def edit(name: str, changes: Mapping[str, Any]) -> Path:
    """Set dotted keys in a user's profile, comments kept, and return its path."""
    import tomlkit

    profile = editable(name)
    document = tomlkit.parse(text_of(profile))
    for key, value in changes.items():
        _check_key(key)
        _assign_document(document, key.split("."), value)
    replace(profile, tomlkit.dumps(document))
    return profile.path


def remove(name: str) -> Path:
    """Delete a profile of the user's own and return where it was. Raises ProfileError."""
    profile = editable(name)
    try:
        profile.path.unlink()
    except OSError as error:
        raise EnvironmentFault(f"{clean(str(profile.path))}: {error.strerror}") from error
    return profile.path


def replace(profile: ProfileFile, text: str) -> None:
    """Replace a profile's text, if the new one validates."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"not kept: {clean(str(error))}") from error
    build(_extended_tables(tables, profile, ()), profile.name, str(profile.path))
    _replace(profile.path, text)


def as_toml(spec: Spec) -> str:
    """Return every setting of a spec as TOML; what is not set is left out."""
    import tomlkit

    tables = {"description": spec.description, **_without_none(spec.every_table())}
    return tomlkit.dumps({key: value for key, value in tables.items() if value != {}})


def _extended(profile: ProfileFile, seen: tuple[str, ...]) -> dict[str, Any]:
    return _extended_tables(read(profile), profile, seen)


def _extended_tables(
    tables: dict[str, Any], profile: ProfileFile, seen: tuple[str, ...]
) -> dict[str, Any]:
    base = tables.pop("extends", None)
    tables = _with_absolute_paths(tables, profile.path.absolute().parent)
    if base is None:
        return tables
    # A user's `storm` may extend the preset `storm` it hides; any other return is a circle.
    chain = (*seen, str(profile.path))
    parent = _parent(str(base), profile)
    if str(parent.path) in chain:
        raise ProfileError(
            f"{clean(str(profile.path))}: extends itself through '{clean(str(base))}'"
        )
    return _merge(_extended(parent, chain), tables)


def _with_absolute_paths(tables: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return tables in which paths of files are those meant: from the folder of the profile."""

    def absolute(table: str, name: str, value: Any) -> Any:
        mark = from_file(section_class(table), name)
        named = mark is not None and mark.is_path(value)
        return str(folder / Path(value).expanduser()) if named else value

    return {
        table: {name: absolute(table, name, value) for name, value in settings.items()}
        if isinstance(settings, Mapping)
        else settings
        for table, settings in tables.items()
    }


def _parent(base: str, profile: ProfileFile) -> ProfileFile:
    if base == profile.name and not profile.preset:
        return ProfileFile(base, preset_folder() / f"{base}.toml", preset=True)
    return find(base)


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        both = isinstance(inner, dict) and isinstance(value, Mapping)
        merged[key] = _merge(inner, value) if both and inner is not None else value
    return merged


def _assign(tables: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = tables.get(key, {})
        if not isinstance(inner, dict):
            raise ProfileError(f"{clean(key)} = {clean(repr(inner))}: must be a table")
        tables[key] = dict(inner)
        tables = tables[key]
    tables[keys[-1]] = value


def _assign_document(document: Any, keys: list[str], value: Any) -> None:
    import tomlkit

    for key in keys[:-1]:
        if key not in document:
            document[key] = tomlkit.table()
        document = document[key]
        if not isinstance(document, dict):
            raise ProfileError(f"{clean(key)} must be a table")
    document[keys[-1]] = value


def _check_key(key: str) -> None:
    table, _, name = key.partition(".")
    section = section_class(table)
    if key in ("description", "stages") or (section and name in section.model_fields):
        return
    raise ProfileError(f"unknown setting '{clean(key)}'{nearest(key, list(setting_keys()))}")


def _known_in(parts: list[str]) -> list[str]:
    """Return the names a table may hold: settings of a section, or what stands at the top."""
    section = section_class(parts[0]) if parts else None
    return list(section.model_fields) if section else [*Spec.model_fields, *STAGES.names()]


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }


def _replace(path: Path, text: str) -> None:
    private.write_whole(path, text.encode("utf-8"))
