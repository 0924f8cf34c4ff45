"""Models: what is known by name, what is on this disk, what was verified."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...errors import SightlineError
from ...protocol.requests.models import (
    GetModel,
    GetModelMemory,
    GetModelRefusals,
    GetModels,
    GetProfileFaults,
    GetVerified,
    ModelDetails,
    ModelLine,
    ModelLines,
    ModelMemories,
    ModelPinned,
    ModelRefusals,
    ModelUnpinned,
    ProfileFaults,
    PromoteModel,
    UnpinModel,
    VerifiedModels,
)
from ..context import Context
from .handler import Handlers

if TYPE_CHECKING:
    from ...hub.hub import Hub


async def models(context: Context, _request: GetModels) -> ModelLines:
    """Return the models known by name, and whatever else is on this disk."""
    return ModelLines(tuple(await context.call(_lines)))


async def model(context: Context, request: GetModel) -> ModelDetails:
    """Return everything about one model."""
    return ModelDetails(await context.call(_described, request))


async def verified(context: Context, request: GetVerified) -> VerifiedModels:
    """Return what was verified."""
    return VerifiedModels(tuple(await context.call(_verified, request.name)))


async def memory(context: Context, _request: GetModelMemory) -> ModelMemories:
    """Return what each model took that was ever loaded."""
    return ModelMemories(tuple(await context.call(context.records.model_memory)))


async def promote(context: Context, request: PromoteModel) -> ModelPinned:
    """Pin a model at the commit that was verified last."""
    pin = await context.call(lambda: _hub().promote(request.name))
    return ModelPinned(**asdict(pin))


async def unpin(context: Context, request: UnpinModel) -> ModelUnpinned:
    """Remove the pin of a model."""
    pin = await context.call(lambda: _hub().unpin(request.name))
    return ModelUnpinned(pin.repo, pin.commit)


async def refusals(context: Context, request: GetModelRefusals) -> ModelRefusals:
    """Return which models are on this disk and cannot be loaded."""
    return ModelRefusals(await context.call(_refusals, request.names))


async def profile_faults(context: Context, request: GetProfileFaults) -> ProfileFaults:
    """Return why profiles cannot run here."""
    found = {name: await context.call(_faults, name) for name in request.names}
    return ProfileFaults({name: faults for name, faults in found.items() if faults})


def _faults(name: str) -> tuple[str, ...]:
    from ...config.profiles import resolve
    from ...scans.resolve_models import model_faults

    try:
        spec = resolve(name)
        return tuple(model_faults(spec).values()) if spec.model_stages else ()
    except SightlineError as error:
        return (str(error),)


def _refusals(names: tuple[str, ...]) -> dict[str, str]:
    from ...hub.refusals import refused_here

    found = {name: _chosen(name) for name in names}
    refused = refused_here(found.values())
    return {name: refused[model] for name, model in found.items() if model in refused}


def _chosen(name: str) -> str:
    """Return a model's name; of `auto:STAGE:DEVICE` the one that is chosen on this machine."""
    from ...config.used_models import AUTOMATIC
    from ...scans.resolve_models import automatic_model

    what, _, rest = name.partition(":")
    stage, _, device = rest.partition(":")
    if what != AUTOMATIC or not device:
        return name
    try:
        return automatic_model(stage, device)
    except SightlineError:
        return name  # a device that this machine does not have: a scan says so


def _lines() -> list[ModelLine]:
    from ...hub.overview import lines

    return lines(_hub())


def _described(request: GetModel) -> dict[str, Any]:
    from ...hub.overview import described

    hub = _hub(offline=request.offline)
    return described(hub, request.name, request.channel, refresh=request.refresh)


def _verified(name: str) -> list[dict[str, Any]]:
    from ...hub.reference import parse

    catalog = _hub().catalog
    rows = catalog.rows(parse(name, catalog).repo if name else "")
    return [row.model_dump(mode="json") for row in rows]


def _hub(*, offline: bool = False) -> Hub:
    from ...hub.hub import Hub

    return Hub(offline=offline)


HANDLERS: Handlers = {
    GetModels: models,
    GetModel: model,
    GetVerified: verified,
    GetModelMemory: memory,
    PromoteModel: promote,
    UnpinModel: unpin,
    GetModelRefusals: refusals,
    GetProfileFaults: profile_faults,
}
