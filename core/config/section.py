"""The base of every table of settings in a profile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]

MEASURE: dict[str, Any] = {"affects": "measure"}
"""Marks a setting that changes what is measured: changing it reads the source again."""
NO_RESULT: dict[str, Any] = {"affects": "nothing"}
"""Marks a setting of how the work is done, which never changes a result and is no part of a hash"""

LATER: dict[str, Any] = {"affects": "result", "later": True}
"""Marks a setting that came after libraries were kept: at its default it is no part of a hash, so
that what was kept before is still known by its key"""


@dataclass(frozen=True, slots=True)
class FromFile:
    """Marks a setting that a file may be named for; a resolved spec holds what the file says.

    A path in a profile is meant from the profile's folder, one on the command line from there.
    """

    inline: tuple[str, ...]
    """how a value begins that is no path"""

    def is_path(self, value: object) -> bool:
        """Return whether a value names a file."""
        return isinstance(value, str) and bool(value) and not value.startswith(self.inline)


class Section(BaseModel):
    """A table of settings; unknown keys are refused, values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def marked(section: type[BaseModel], mark: dict[str, Any]) -> set[str]:
    """Return the names of a table's settings that carry a mark."""
    fields = section.model_fields.items()
    return {name for name, field in fields if field.json_schema_extra == mark}


def unhashed(section: BaseModel) -> set[str]:
    """Return the settings of a table that are no part of its hash: see `NO_RESULT` and `LATER`."""
    never, later = _marks(type(section))
    return never | {name for name, default in later.items() if getattr(section, name) == default}


@cache
def _marks(section: type[BaseModel]) -> tuple[set[str], dict[str, Any]]:
    """Return the settings with `NO_RESULT`, and those with `LATER` with their defaults.

    Cached: hashes are computed with every picture.
    """
    fields = section.model_fields
    later = {
        name: fields[name].get_default(call_default_factory=True, validated_data={})
        for name in marked(section, LATER)
    }
    return marked(section, NO_RESULT), later


def from_file(section: type[BaseModel] | None, name: str) -> FromFile | None:
    """Return how a setting may name a file, if it may."""
    field = section.model_fields.get(name) if section else None
    marks = (each for each in field.metadata if isinstance(each, FromFile)) if field else iter(())
    return next(marks, None)
