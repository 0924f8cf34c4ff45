"""What is known by name and what is on this disk, side by side, for a person to read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..errors import EnvironmentFault, ModelRefused, SightlineError
from ..models.catalog import CatalogEntry
from ..models.protocols import Loading
from ..protocol.requests.models import ModelLine
from ..text import byte_size, clean
from .cache import CachedModel
from .environment import endpoint, shown
from .hub import Hub
from .resolved import Channel, Resolved


def lines(hub: Hub) -> list[ModelLine]:
    """Return every model of the catalog, then whatever else lies in the cache."""
    catalog, pins = hub.catalog, hub.pins.all()
    here = {model.repo.lower(): model for model in hub.cached()}
    found = []
    for name, entry in catalog.models.items():
        pin = pins.get(entry.repo.lower())
        model = here.pop(entry.repo.lower(), None)
        found.append(_line(name, entry.repo, entry, model, pin.commit if pin else ""))
    for repo, model in here.items():
        pin = pins.get(repo)
        found.append(_line(model.repo, model.repo, None, model, pin.commit if pin else ""))
    return found


def described(hub: Hub, text: str, channel: Channel, *, refresh: bool = False) -> dict[str, Any]:
    """Return everything about one model; asks the network only for what the disk does not know.

    A model of the catalog is described without any network. A server is asked what it can do once,
    and again if `refresh`. Raises what `Hub.resolve` raises.
    """
    from .reference import parse, server_address

    if text.startswith(("http://", "https://")) and not server_address(text)[1]:
        return _server(hub, server_address(text)[0], refresh=refresh)
    catalog = hub.catalog
    reference = parse(text, catalog)
    entry = catalog.models.get(reference.name)
    if entry is not None and not reference.revision:
        body = _known(reference.name, entry)
    else:
        body = _found(hub, text, channel, refresh=refresh)
    repo = str(body.get("repo", ""))
    model = next((m for m in hub.cached() if m.repo.lower() == repo.lower()), None)
    pin = hub.pins.get(repo) if repo else None
    body["pinned"] = f"{pin.commit} ({pin.why}, {pin.pinned[:10]})" if pin else ""
    body["here"] = _snapshots(model)
    body["verified"] = [_row(row.model_dump(mode="json")) for row in catalog.rows(repo)]
    return body


def _line(
    name: str, repo: str, entry: CatalogEntry | None, model: CachedModel | None, pinned: str
) -> ModelLine:
    return ModelLine(
        name,
        entry.kind if entry else "",
        entry.family if entry else "",
        repo,
        _state(model),
        0 if model is None else model.size_bytes + model.leftover_bytes,
        pinned,
        entry.good_for if entry else "",
        entry.licence if entry else "",
        entry.remote_code if entry else False,
        _why(model),
    )


def _state(model: CachedModel | None) -> str:
    if model is None:
        return ""
    if model.fault:
        return "fault"
    if model.whole:
        return "whole"
    if not model.revisions:
        return "begun"
    return "other" if model.kind else "half"


def _why(model: CachedModel | None) -> str:
    if model is None or model.whole:
        return ""
    return f"cannot be read: {model.fault}" if model.fault else model.kind


def _known(name: str, entry: CatalogEntry) -> dict[str, Any]:
    return {
        "name": name,
        "kind": entry.kind,
        **entry.model_dump(mode="json", exclude={"options"}, exclude_defaults=True),
        "page": f"{shown(endpoint())}/{entry.repo}",
    }


def _found(hub: Hub, text: str, channel: Channel, *, refresh: bool) -> dict[str, Any]:
    resolved = hub.resolve(text, channel)
    body = asdict(resolved)
    body["refused"] = "" if resolved.folder or not resolved.repo else _refusal(hub, resolved)
    body["folder"] = str(body["folder"] or "")
    body["lacking"] = list(body["lacking"])
    if body["url"]:
        body |= _served(str(body["name"]), str(body["url"]), ask=_may_ask(hub), refresh=refresh)
    return {key: value for key, value in body.items() if key not in ("options", "text")}


def _refusal(hub: Hub, resolved: Resolved) -> str:
    """Return why a model that is not here would not be downloaded, or an empty string."""
    try:
        hub.plan(resolved)
    except ModelRefused as error:
        return str(error)
    except SightlineError:
        return ""  # whether it can be loaded is not known
    return ""


def _may_ask(hub: Hub) -> bool:
    """Return whether a server may be asked: variables of the hub's library forbid only the hub."""
    return not hub.offline or hub.offline.startswith(("HF_", "TRANSFORMERS_"))


def _server(hub: Hub, url: str, *, refresh: bool) -> dict[str, Any]:
    """Return what a server offers, and what it can do if that is one model."""
    from ..models.endpoint.capabilities import models_at

    if not _may_ask(hub):
        raise EnvironmentFault(f"{clean(url, limit=200)} is not asked: {hub.offline} is set")
    names = models_at(url)
    body: dict[str, Any] = {"url": url, "models": names}
    if len(names) != 1:
        return body
    return {**body, "name": names[0], **_served(names[0], url, ask=True, refresh=refresh)}


def _served(name: str, url: str, *, ask: bool, refresh: bool) -> dict[str, Any]:
    """Return what the server behind an endpoint can do: as noted, or by asking it now."""
    from ..models.endpoint.capabilities import as_lines, capabilities
    from ..models.endpoint.known_servers import keep, known

    noted = known(url, name)
    if noted is not None and not (ask and refresh):
        return {**as_lines(noted[0]), "asked": f"{noted[1]} (--refresh asks again)"}
    if not ask:
        return {}
    loading = Loading(name, "endpoint", None, "endpoint", options={"url": url})
    found = capabilities(loading)
    keep(url, name, found)
    return as_lines(found)


def _snapshots(model: CachedModel | None) -> list[str]:
    if model is None:
        return []
    found = []
    for one in model.revisions:
        branches = f" ({', '.join(one.branches)})" if one.branches else ""
        lacks = f", lacks {', '.join(one.lacking)}" if one.lacking else ""
        lacks = f", {one.kind}" if one.kind else lacks
        found.append(f"{one.commit}{branches} {byte_size(one.size_bytes)}{lacks}")
    if model.leftover_bytes:
        resumable = byte_size(model.resumable_bytes)
        found.append(
            f"unfinished: {byte_size(model.leftover_bytes)}, {resumable} that can be resumed"
        )
    return found


def _row(row: dict[str, Any]) -> str:
    parts = [row["commit"][:12], " ".join(row["attn"]), row["dtype"], row["device"], row["on"],
             row["how"]]  # fmt: skip
    return "  ".join(part for part in parts if part)
