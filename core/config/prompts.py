"""The prompt library: named, versioned instructions for VLMs, those that ship and the user's own.

A file holds one table per version: `[detailed_description.1]`. A version is never changed: another
text is another version, so a result's identity says exactly what was asked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from ..errors import EnvironmentFault, ProfileError, UnknownName, UsageError
from ..system import private_files as private
from ..text import clean, clean_path, nearest
from .complaints import complaint
from .named_files import read_text
from .section import Section
from .user_settings import config_folder
from .variables import VARIABLES, checked_names

FILE = "prompts.toml"
MOST_BYTES = 4 * 2**20
NAME_EXAMPLE = "my_prompt.1"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SLOT = re.compile(r"\{(\w+)\}")
_SHIPPED = (
    Path(__file__).parents[1] / "_profiles" / FILE,
    Path(__file__).parents[2] / "profiles" / FILE,
)


class Wording(Section):
    """One version of a prompt as a file holds it."""

    text: str = Field(min_length=1, max_length=20_000)
    system: str = Field("", max_length=20_000)
    answer: Literal["text", "keywords", "verdict"] = "text"
    note: str = Field("", max_length=500)
    defaults: dict[str, Annotated[str, Field(max_length=20_000)]] = Field(default_factory=dict)
    """its own variables by name; each scan must set those without a value"""

    @field_validator("defaults")
    @classmethod
    def _names(cls, value: dict[str, str]) -> dict[str, str]:
        return checked_names(value)


class Prompt(Section):
    """One version of one prompt."""

    name: str
    version: int
    text: str
    system: str = ""
    answer: Literal["text", "keywords", "verdict"] = "text"
    note: str = ""
    defaults: dict[str, str] = Field(default_factory=dict)
    """values of its own variables; empty if not set yet, see `bound`"""
    own: bool = False
    """of the user's own file"""

    @property
    def reference(self) -> str:
        """Return what names exactly this version."""
        return f"{self.name}@{self.version}"

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the variables it uses, those that scans fill in before its own."""
        known = (*VARIABLES, *self.defaults)
        return tuple(name for name in known if f"{{{name}}}" in self.text + self.system)

    @property
    def own_values(self) -> dict[str, str]:
        """Return the values of the variables of its own that it uses."""
        return {name: self.defaults[name] for name in self.variables if name in self.defaults}

    def bound(self, values: Mapping[str, str]) -> Prompt:
        """Return the prompt with values for its own variables; others are ignored."""
        given = {name: value for name, value in values.items() if name in self.defaults}
        return self.model_copy(update={"defaults": {**self.defaults, **given}})

    def fill(self, values: Mapping[str, str], extra: str = "") -> str:
        """Return the text with variables filled in, and extra instructions after it.

        Only known variables are replaced, once: what a model said may hold braces.
        """
        filled = self._filled(self.text, values)
        return f"{filled}\n\n{extra}" if extra else filled

    def fill_system(self, values: Mapping[str, str]) -> str:
        """Return the instructions before the text with variables filled in."""
        return self._filled(self.system, values)

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        known = {**self.defaults, **{name: values[name] for name in VARIABLES if name in values}}
        return _SLOT.sub(lambda slot: known.get(slot[1], slot[0]), text)


def check_answer(stage: str, wanted: str, prompt: Prompt) -> None:
    """Raise UsageError where a stage works on verdicts and the prompt asks for none."""
    if wanted == "verdict" and prompt.answer != wanted:
        raise UsageError(
            f"{stage}.prompt = '{clean(prompt.reference)}' does not request a verdict; "
            "use 'storm_verify', or add a prompt with answer = \"verdict\""
        )


class Prompts:
    """All prompts, by name and version."""

    def __init__(
        self, prompts: Mapping[str, Mapping[int, Prompt]], values: Mapping[str, str] | None = None
    ) -> None:
        self._prompts = prompts
        self._values = values or {}

    def bound(self, values: Mapping[str, str]) -> Prompts:
        """Return the same prompts with values for variables of their own."""
        return Prompts(self._prompts, values)

    def get(self, reference: str) -> Prompt:
        """Return `name` (its newest version) or `name@version`. Raises UnknownName."""
        return self._get(reference).bound(self._values)

    def _get(self, reference: str) -> Prompt:
        name, at, version = reference.partition("@")
        versions = self._prompts.get(name)
        if versions is None:
            hint = nearest(name, list(self._prompts))
            raise UnknownName(f"no prompt '{clean(name)}'{hint}; see: sightline prompts list")
        if not at:
            return versions[max(versions)]
        if not version.isdigit() or int(version) not in versions:
            known = ", ".join(str(number) for number in sorted(versions))
            raise UnknownName(f"prompt '{name}' has no version '{clean(version)}'; it has: {known}")
        return versions[int(version)]

    def all(self) -> list[Prompt]:
        """Return every version of every prompt, by name."""
        return [
            self._prompts[name][version]
            for name in sorted(self._prompts)
            for version in sorted(self._prompts[name])
        ]

    def newest(self) -> list[Prompt]:
        """Return the newest version of every prompt, by name."""
        return [self.get(name) for name in sorted(self._prompts)]


def load_prompts() -> Prompts:
    """Read the prompts that ship and the user's own. Raises ProfileError."""
    shipped = next(path for path in _SHIPPED if path.is_file())
    found = _read(shipped, own=False)
    mine = own_file()
    if mine.is_file():
        for name, versions in _read(mine, own=True).items():
            found.setdefault(name, {}).update(versions)
    return Prompts(found)


def own_file() -> Path:
    """Return where the user's own prompts are kept."""
    return config_folder() / FILE


def add(name: str, wording: Wording) -> Prompt:
    """Keep a prompt of the user's own, as the next version of its name. Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"'{clean(name)}' is not a valid prompt name; use a to z, 0 to 9, '_' and '-'"
        )
    _check_variables(wording, f"prompt '{name}'")
    existing = {p.version: p for p in load_prompts().all() if p.name == name}
    same = [p for p in existing.values() if _wording(p) == wording]
    if same:
        return same[0]
    version = max(existing, default=0) + 1
    _append(name, version, wording)
    return Prompt(name=name, version=version, own=True, **wording.model_dump())


def read_file(path: Path) -> list[Prompt]:
    """Read exported prompts. Raises ProfileError."""
    found = _read(path, own=True)
    return [found[name][version] for name in found for version in sorted(found[name])]


def as_toml(prompts: list[Prompt]) -> str:
    """Return prompts as a file that can be imported."""
    import tomlkit

    document = tomlkit.document()
    for prompt in prompts:
        table = document.setdefault(prompt.name, tomlkit.table(is_super_table=True))
        table[str(prompt.version)] = _table(_wording(prompt))
    return tomlkit.dumps(document)


def _append(name: str, version: int, wording: Wording) -> None:
    import tomlkit

    path = own_file()
    document = tomlkit.parse(path.read_text("utf-8")) if path.is_file() else tomlkit.document()
    table: Any = document.setdefault(name, tomlkit.table(is_super_table=True))
    table[str(version)] = _table(wording)
    try:
        private.write_whole(path, tomlkit.dumps(document).encode("utf-8"))
    except OSError as error:
        raise EnvironmentFault(f"{clean_path(str(path))}: {error.strerror}") from error


def _table(wording: Wording) -> Any:
    import tomlkit

    table = tomlkit.table()
    for key, value in wording.model_dump(exclude_defaults=True, exclude={"defaults"}).items():
        table[key] = tomlkit.string(value, multiline="\n" in value)
    if wording.defaults:
        table["defaults"] = wording.defaults
    return table


def _wording(prompt: Prompt) -> Wording:
    return Wording(**{name: getattr(prompt, name) for name in Wording.model_fields})


def _read(path: Path, *, own: bool) -> dict[str, dict[int, Prompt]]:
    where = clean_path(str(path))
    try:
        text = read_text(path, MOST_BYTES)
    except ValueError as error:
        raise ProfileError(str(error)) from error
    try:
        tables = tomllib.loads(text)
    except RecursionError as error:
        raise ProfileError(f"{where}: its tables are nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{where}: {clean(str(error))}") from error
    found: dict[str, dict[int, Prompt]] = {}
    for name, versions in tables.items():
        if not NAME.fullmatch(name) or not isinstance(versions, dict):
            raise ProfileError(f"{where}: '{clean(name)}' must be a table like [{NAME_EXAMPLE}]")
        read = [_one(where, name, version, table, own) for version, table in versions.items()]
        found[name] = {prompt.version: prompt for prompt in read}
    return found


def _one(where: str, name: str, version: str, table: object, own: bool) -> Prompt:
    if not version.isdigit() or int(version) < 1:
        raise ProfileError(
            f"{where}: [{name}.{clean(version)}] must end in a version, like [{NAME_EXAMPLE}]"
        )
    try:
        wording = Wording.model_validate(table)
    except ValidationError as error:
        key, words = map(clean, complaint(error))
        raise ProfileError(f"{where}: [{name}.{version}] {key}: {words}") from error
    _check_variables(wording, f"{where}: [{name}.{version}]")
    return Prompt(name=name, version=int(version), own=own, **wording.model_dump())


def _check_variables(wording: Wording, where: str) -> None:
    names = [*VARIABLES, *wording.defaults]
    for slot in _SLOT.findall(wording.text + wording.system):
        if slot not in names:
            known = ", ".join(f"{{{name}}}" for name in names)
            raise ProfileError(
                f"{where}: unknown variable {{{slot}}}{nearest(slot, names)}; known: {known}; "
                f"declare it with --var {slot}=VALUE, or in `defaults` of the file"
            )
