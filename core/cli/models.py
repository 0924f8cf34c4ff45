"""`sightline models`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..protocol.commands import RemoveModel
from ..protocol.request import ALL_RIGHTS
from ..protocol.requests.models import (
    GetModel,
    GetModelMemory,
    GetModels,
    GetVerified,
    PromoteModel,
    UnpinModel,
)
from ..service.client import ask_library
from ..text import byte_size, clean
from .group import CommandGroup
from .output import Session

if TYPE_CHECKING:
    from ..service.model_files import Channel

F = TypeVar("F", bound=Callable[..., Any])


def _common(function: F) -> F:
    """Add the options that say which revision is meant, and where it may come from."""
    options = (
        click.option("--channel", type=click.Choice(["stable", "edge"]), default="stable",
                     show_default=True, help="The pinned commit, or the newest one."),
        click.option("--offline", is_flag=True,
                     help="Use no network [SIGHTLINE_OFFLINE, HF_HUB_OFFLINE]."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@click.group(cls=CommandGroup)
def command() -> None:
    """List, download, verify, pin and remove models."""


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--dry-run", is_flag=True, help="Only print what would be downloaded.")
@click.option("--weights", metavar="FILE", default="",
              help="Download and load this safetensors file, such as a variant.")  # fmt: skip
@click.option("--allow-remote-code", is_flag=True,
              help="Also download the model's own Python code; needs a full commit.")  # fmt: skip
@_common
@click.pass_obj
def pull(
    session: Session, names: tuple[str, ...], dry_run: bool, weights: str, allow_remote_code: bool,
    channel: Channel, offline: bool, as_json: bool,
) -> int:  # fmt: skip
    """Download models; an interrupted download continues where it stopped.

    \b
      sightline models pull siglip2-base
      sightline models pull ORG/REPO@COMMIT
      sightline models pull open_clip:ViT-B-32/laion2b_s34b_b79k
    """
    from ..protocol.commands import PullModel
    from .pulling import Puller

    commands = [PullModel(name, channel, allow_remote_code, weights, offline) for name in names]
    puller = Puller(session, as_json=as_json)
    if dry_run:
        puller.pull_here(commands, dry_run=True)
        return puller.exit_code
    if not asyncio.run(puller.pull(commands)):
        puller.pull_here(commands, dry_run=False)
    return puller.exit_code


@command.command("list")
@click.option("--cached", "only_cached", is_flag=True, help="List only models on this disk.")
@click.option("--kind", metavar="KIND", default="",
              help="List one kind: embedder, detector, segmenter or vlm.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def list_(session: Session, only_cached: bool, kind: str, as_json: bool) -> int:
    """List the models of the catalog and all models on this disk."""
    known = ask_library(session.library, GetModels()).models
    found = [line for line in known if not kind or line.kind == kind]
    found = [line for line in found if line.state or not only_cached]
    if as_json:
        for line in found:
            session.out.json({"type": "Model", **asdict(line)})
        return 0
    rows = [
        (line.name, line.kind or "-", line.state,
         byte_size(line.size_bytes) if line.size_bytes else "", line.pinned[:12],
         line.why or line.good_for or line.repo)
        for line in found
    ]  # fmt: skip
    session.out.table(("model", "kind", "here", "size", "pinned", "good for"), rows)
    return 0


@command.command()
@click.argument("name")
@click.option("--refresh", is_flag=True, help="Ask a server again what it can do.")
@_common
@click.pass_obj
def show(
    session: Session, name: str, refresh: bool, channel: Channel, offline: bool, as_json: bool
) -> int:
    """Show a model's source, its downloaded commits and its verifications.

    For a model behind a server (http://HOST:PORT/v1#MODEL, or without #MODEL), ask the server what
    it can do: images per question, streaming, whether it enforces a JSON schema, reasoning. The
    answers are stored with the date and shown from then on; --refresh asks again.
    """
    request = GetModel(name, channel, offline, refresh)
    body = ask_library(session.library, request).model
    if as_json:
        session.out.json({"type": "Model", **body})
        return 0
    for key, value in body.items():
        for each in value if isinstance(value, list) else [value]:
            if each not in ("", None):
                session.out.result(f"{key.replace('_', ' '):12} {_one_line(each)}")
    return 0


def _one_line(value: Any) -> str:
    return clean(value) if isinstance(value, str) else str(value)


@command.command()
@click.argument("name", metavar="NAME[@REV]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def remove(session: Session, name: str, as_json: bool) -> int:
    """Remove a model, or one commit of it, from this disk; its pin remains."""
    removed = ask_library(session.library, RemoveModel(name), ALL_RIGHTS)
    if as_json:
        session.out.json({"type": "ModelRemoved", **asdict(removed)})
    else:
        session.out.note(f"{name} removed, {byte_size(removed.freed_bytes)} freed")
    return 0


@command.command()
@click.argument("name", metavar="NAME[@REV]")
@click.option("--files-only", is_flag=True, help="Only compare checksums; do not load the model.")
@click.option("--clean", "clean_up", is_flag=True,
              help="Remove damaged files and unfinished downloads of other tools.")  # fmt: skip
@_common
@click.pass_obj
def verify(
    session: Session, name: str, files_only: bool, clean_up: bool, channel: Channel, offline: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Check a model's checksums, then load it and run it once.

    A combination that works is recorded in your models.toml and shown by `models matrix`.
    """
    from ..service.model_files import open_hub
    from .pulling import verify as run

    return run(
        session.out, open_hub(offline=offline), name, channel, files_only=files_only,
        clean_up=clean_up, as_json=as_json,
    )  # fmt: skip


@command.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def matrix(session: Session, name: str | None, as_json: bool) -> int:
    """Show verified combinations: commit, attention, precision, processor and device.

    A backend in parentheses was tried and gave no answer; --json contains the reason. The column
    transformers shows the range of versions that ran, and the version that saved the model.
    """
    rows = ask_library(session.library, GetVerified(name or "")).rows
    if as_json:
        for row in rows:
            session.out.json({"type": "Verified", **row})
        return 0
    session.out.table(
        ("model", "commit", "attention", "dtype", "device", "transformers", "processor", "on",
         "how"),
        [
            (row["repo"], row["commit"][:12], _attention(row), row["dtype"], row["device"],
             _versions(row), _processor(row), row["on"], _how(row))
            for row in rows
        ],
    )  # fmt: skip
    if not rows:
        session.out.note(
            "no model is verified on this machine yet; run: sightline models verify NAME"
        )
    return 0


def _attention(row: dict[str, Any]) -> str:
    """Return the backends that gave an answer, and in parentheses those that did not."""
    failed = [f"({name})" for name, why in row["tried"].items() if why and name not in row["attn"]]
    return " ".join([*row["attn"], *failed])


def _how(row: dict[str, Any]) -> str:
    return "; ".join(part for part in (row["how"], row["quantised"]) if part)


def _versions(row: dict[str, Any]) -> str:
    saved = f" (saved with {row['saved_with']})" if row["saved_with"] else ""
    return f"{row['transformers']}{saved}"


def _processor(row: dict[str, Any]) -> str:
    seen = row["processor"]
    return ", ".join(seen[name] for name in ("class", "backend", "size", "does") if seen.get(name))


@command.command()
@click.argument("name", metavar="NAME[@COMMIT]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def promote(session: Session, name: str, as_json: bool) -> int:
    """Pin a model to its newest commit on this machine, if that commit was verified.

    Only a verification that loaded and tried the model counts, not `models verify --files-only`.
    To pin an older commit, name it.
    """
    pin = ask_library(session.library, PromoteModel(name), ALL_RIGHTS)
    if as_json:
        session.out.json({"type": "ModelPinned", **asdict(pin)})
    else:
        session.out.result(f"{pin.repo} is pinned to {pin.commit}")
    return 0


@command.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def unpin(session: Session, name: str, as_json: bool) -> int:
    """Remove a model's pin; the next pull pins the newest commit.

    Use this if the pinned commit no longer exists because the repository's history was rewritten.
    """
    unpinned = ask_library(session.library, UnpinModel(name), ALL_RIGHTS)
    if as_json:
        session.out.json({"type": "ModelUnpinned", **asdict(unpinned)})
    else:
        session.out.result(f"{unpinned.repo} is no longer pinned to {unpinned.commit}")
    return 0


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def memory(session: Session, as_json: bool) -> int:
    """Show the measured memory of each model, and the batch sizes that fit."""
    rows = ask_library(session.library, GetModelMemory()).models
    for row in rows:
        if as_json:
            session.out.json({"type": "ModelMemory", **asdict(row)})
            continue
        limits = ", ".join(f"{stage} {most} at once" for stage, most in row.batches.items())
        text = f"{row.bytes / 2**20:9.1f} MiB  {row.device:8}  {row.name}"
        session.out.result(f"{text}  ({limits})" if limits else text)
    if not rows and not as_json:
        session.out.note("no model has been loaded with this library yet")
    return 0
