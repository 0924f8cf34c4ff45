"""The models sightline knows by a short name, and what was seen to work: data, not code.

`catalog.toml` beside this file ships with sightline; `models.toml` in the configuration folder is
the user's own and is laid over it. A row of `verified` is only ever something that was run: none
ships, and `sightline models verify` adds the user's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..config.complaints import described
from ..config.user_settings import config_folder
from ..errors import ProfileError
from ..text import clean, clean_path, nearest
from .protocols import Kind
from .registry import FAMILIES, KINDS

USER_FILE = "models.toml"
SHIPPED = Path(__file__).with_name("catalog.toml")

Repo = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CatalogEntry(_Table):
    """One model under a short name."""

    family: str
    """which file of `core/models` loads it"""
    repo: Repo
    good_for: str = ""
    licence: str = ""
    """only where it was read; empty says nothing about it"""
    remote_code: bool = False
    """needs Python code out of its own repository"""
    gated: bool = False
    """asks for its terms to be accepted first"""
    multilingual: bool = False
    weights: str = ""
    """the one weights file to take, where the usual choice is not wanted"""
    revision: str = ""
    """used where none is written behind the name"""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """the family's own settings"""
    source: str = ""
    """where the repository's name was read"""
    checked: date | None = None

    @property
    def kind(self) -> Kind:
        """Return what its family does."""
        return KINDS[self.family]

    @field_validator("family")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in FAMILIES:
            raise ValueError(f"no such family{nearest(value, list(FAMILIES))}")
        return value


class VerifiedModel(_Table):
    """One thing that was run and seen to work."""

    repo: str
    commit: Commit
    attn: tuple[str, ...] = ()
    """attention backends that gave an answer"""
    dtype: str = ""
    device: str = ""
    tried: Mapping[str, str] = Field(default_factory=dict)
    """every attention backend that was tried, and why one gave no answer; empty where it did"""
    processor: Mapping[str, str] = Field(default_factory=dict)
    """what the processor does to a picture, as it behaved when it was run"""
    transformers: str = ""
    """the version, or the first and the last, it was run with: `5.20.0` or `5.20.0 - 5.23.1`"""
    saved_with: str = ""
    """the version of transformers its configuration says it was saved with"""
    on: date
    how: str
    """the check that was made"""
    quantised: str = ""
    """how its answer compared with that of its dequantised weights, if it is quantised"""

    @property
    def loaded(self) -> bool:
        """Return whether it gave an answer, rather than only having its files compared."""
        return bool(self.attn)


class Catalog(_Table):
    """Short names, default revisions by repository or name, and what was verified."""

    models: Mapping[str, CatalogEntry] = Field(default_factory=dict)
    revisions: Mapping[str, str] = Field(default_factory=dict)
    verified: tuple[VerifiedModel, ...] = ()

    def of_repo(self, repo: str) -> tuple[str, CatalogEntry] | None:
        """Return name and entry of a repository; the hub ignores case."""
        for name, entry in self.models.items():
            if entry.repo.lower() == repo.lower():
                return name, entry
        return None

    def rows(self, repo: str = "") -> list[VerifiedModel]:
        """Return what was verified of a repository (of all without one), the newest first.

        Rows of one day are in the order in which they were added: the last is the newest.
        """
        found = [row for row in self.verified if row.repo.lower() == repo.lower() or not repo]
        return sorted(found, key=lambda row: row.on)[::-1]


def user_file() -> Path:
    """Return the user's own catalog."""
    return config_folder() / USER_FILE


def load() -> Catalog:
    """Return the shipped catalog with the user's laid over it. Raises ProfileError."""
    shipped, own = _read(SHIPPED), _read(user_file())
    return Catalog(
        models={**shipped.models, **own.models},
        revisions={**shipped.revisions, **own.revisions},
        verified=(*shipped.verified, *own.verified),
    )


def add_verified(row: VerifiedModel) -> Path:
    """Append a row to the user's file, whose comments stay, and return the file.

    A row of the same commit, device, dtype and check takes the older one's place; the versions of
    transformers become a range. Raises ProfileError when the file does not validate.
    """
    import tomlkit

    path = user_file()
    own = _read(path)
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else None
    document = tomlkit.document() if document is None else document
    kept = [old for old in own.verified if _question(old) != _question(row)]
    former = [old.transformers for old in own.verified if _question(old) == _question(row)]
    row = row.model_copy(update={"transformers": version_range([*former, row.transformers])})
    tables = tomlkit.aot()
    for each in [*kept, row]:
        table = tomlkit.table()
        table.update({k: v for k, v in each.model_dump().items() if v not in ("", (), {})})
        tables.append(table)
    document["verified"] = tables
    _replace(path, tomlkit.dumps(document))
    return path


def version_range(ranges: Sequence[str]) -> str:
    """Return the first and the last of some versions and ranges of them, as one range."""
    from packaging.version import InvalidVersion, Version

    versions: list[Version] = []
    for text in " - ".join(ranges).split(" - "):
        with suppress(InvalidVersion):
            versions.append(Version(text))
    if not versions:
        return ""
    first, last = min(versions), max(versions)
    return str(first) if first == last else f"{first} - {last}"


def _question(row: VerifiedModel) -> tuple[str, ...]:
    return row.repo.lower(), row.commit, row.device, row.dtype, row.how


def _replace(path: Path, text: str) -> None:
    """Put a whole new file in the old one's place."""
    import os

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _read(path: Path) -> Catalog:
    if not path.is_file():
        return Catalog()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return Catalog.model_validate(tables)
    except ValidationError as error:
        raise ProfileError(f"{clean_path(str(path))}: {_complaint(error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ProfileError(f"{clean_path(str(path))}: {clean(str(error))}") from error


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {"models": CatalogEntry, "verified": VerifiedModel}
        table = tables.get(str(first["loc"][0]), Catalog)
        hint = nearest(str(first["loc"][-1]), list(table.model_fields))
        return f"unknown setting '{clean(key)}'{hint}"
    return described(error)
