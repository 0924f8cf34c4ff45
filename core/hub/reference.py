"""What a user may write for a model.

NAME  NAME@REV              out of the catalog
ORG/REPO  ORG/REPO@REV      on the hub; REV is a commit, tag or branch
./FOLDER  /FOLDER  ~/FOLDER (or any folder there is)
open_clip:ARCH/PRETRAINED   out of open_clip's own table
http://HOST:PORT/v1#MODEL   behind an OpenAI-compatible endpoint
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from ..errors import ModelMissing, ModelRefused, UnknownName, UsageError
from ..models.catalog import Catalog
from ..text import clean, clean_path, nearest

Where = Literal["hub", "folder", "endpoint"]

_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_PATH_STARTS = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class Reference:
    """A model as it was named. `name` is the catalog's where it is one of its models."""

    text: str
    where: Where
    name: str
    repo: str = ""
    revision: str = ""
    """as written behind @; empty if none was"""
    folder: Path | None = None
    url: str = ""
    """an endpoint's address, without the model"""
    family: str = ""
    """where the way it was named says so"""


def parse(text: str, catalog: Catalog) -> Reference:
    """Return what a text names. Raises UsageError, UnknownName, ModelMissing or ModelRefused."""
    text = text.strip()
    if text.startswith(("http://", "https://")):
        return _endpoint(text)
    if text.startswith("open_clip:"):
        return _open_clip(text)
    if text.startswith(_PATH_STARTS):
        return _folder(text)
    name, revision = _split(text)
    if name in catalog.models:
        return Reference(text, "hub", name, catalog.models[name].repo, revision)
    if Path(text).is_dir():
        return _folder(text)
    if _REPO.fullmatch(name) and ".." not in name:
        known = catalog.of_repo(name)
        short, repo = (known[0], known[1].repo) if known else (name, name)
        return Reference(text, "hub", short, repo, revision)
    raise UnknownName(
        f"no model '{clean(name, limit=120)}'{nearest(name, list(catalog.models))}; write a name "
        "from `sightline models list`, ORG/REPO, a folder, or an endpoint's http://HOST/v1#MODEL"
    )


def _split(text: str) -> tuple[str, str]:
    name, at, revision = text.partition("@")
    if at and (not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision):
        raise UsageError(
            f"{clean(text, limit=200)}: after @, write a commit, tag or branch of the model"
        )
    return name, revision.rstrip("/")


def _folder(text: str) -> Reference:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise ModelMissing(f"{clean_path(text)}: no such folder")
    path = path.resolve()
    return Reference(text, "folder", path.name or str(path), folder=path)


def _endpoint(text: str) -> Reference:
    url, model = server_address(text)
    if not model:
        raise UsageError(f"{clean(url)}: add the model's name after #, as in {clean(url)}#MODEL")
    return Reference(text, "endpoint", model, url=url, family="endpoint")


def server_address(text: str) -> tuple[str, str]:
    """Return a server's address and the model named behind it, "" for none.

    Raises UsageError for what is no address, and for a key in it, which messages would show.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise UsageError("an endpoint is written http://HOST:PORT/v1#MODEL")
    place = f"[{host}]" if ":" in host else host
    shown = clean(f"{parts.scheme}://{place}{f':{port}' if port else ''}{parts.path}", limit=200)
    if parts.username is not None or parts.password is not None or parts.query:
        raise UsageError(
            f"{shown}: an address must not contain a user name, a key or a query; "
            "set SIGHTLINE_ENDPOINT_KEY instead"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), parts.fragment


def _open_clip(text: str) -> Reference:
    named, revision = _split(text.removeprefix("open_clip:"))
    arch, _, tag = named.rpartition("/")
    if not arch or not tag:
        raise UsageError(f"{clean(text)}: write open_clip:ARCH/PRETRAINED, ViT-B-32/laion2b_...")
    return Reference(
        text, "hub", f"open_clip:{arch}/{tag}", open_clip_repo(arch, tag), revision,
        family="open_clip",
    )  # fmt: skip


def open_clip_repo(arch: str, tag: str) -> str:
    """Return the repository open_clip's table names. Raises UnknownName or ModelRefused."""
    from importlib import import_module

    table: Any = import_module("open_clip")
    tags: list[str] = table.list_pretrained_tags_by_model(arch)
    if arch not in table.list_models() or not tags:
        hint = nearest(arch, table.list_models())
        raise UnknownName(f"open_clip has no pretrained '{clean(arch, limit=80)}'{hint}")
    if tag not in tags:
        raise UnknownName(
            f"open_clip's {arch} has no weights '{clean(tag, limit=80)}'{nearest(tag, tags)}; "
            f"there are {', '.join(tags)}"
        )
    repo = str(table.get_pretrained_cfg(arch, tag).get("hf_hub", "")).rstrip("/")
    if _REPO.fullmatch(repo) is None:
        raise ModelRefused(
            f"open_clip offers {arch}/{tag} as a pickle only, which is never loaded; choose "
            f"another of {', '.join(tags)}"
        )
    return repo
