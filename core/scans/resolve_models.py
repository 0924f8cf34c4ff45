"""From a spec to the models it needs: found, pinned to full commits, and checked before loading.

What cannot work here (a model that is not on this disk, an attention backend, a quantisation) is
refused now, before anything is read or loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ..config.prompt_check import check_prompts
from ..config.prompts import Prompts, check_answer, load_prompts
from ..config.spec import Spec
from ..config.stages import STAGES, declaration
from ..config.used_models import AUTOMATIC, model_of, model_owner, value_of
from ..errors import ModelMissing, ModelRefused, SightlineError
from ..models.protocols import Kind, Loading
from ..models.registry import KINDS, check_loading
from ..models.weights import weights_bytes
from ..text import clean

if TYPE_CHECKING:
    from ..hub.hub import Hub
    from ..hub.resolved import Resolved
    from ..inference.session import InferenceSession
    from ..models.residency import Residency
    from ..stores.answers import InferenceStores

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ResolvedModels:
    """A spec with every model's full commit in it, and how each stage's model is loaded."""

    spec: Spec
    loadings: Mapping[str, Loading]
    prompts: Prompts | None = None


def resolve_models(spec: Spec, notify: Notify) -> ResolvedModels:
    """Find and check the models of a spec; the network is asked only for `channel = "edge"`.

    Raises ModelMissing with the command that fetches it, ModelRefused, MissingExtra, UnknownName.
    """
    from ..hub.environment import FETCHES_NOTHING
    from ..hub.hub import Hub

    hub = Hub(offline=FETCHES_NOTHING if spec.models.channel == "stable" else False, notify=notify)
    prompts = load_prompts().bound(spec.vlm.variables)
    check_prompts(spec, prompts, notify)
    spec = _with_versions(spec, prompts)
    spec = _without_auto(spec)
    names = {stage: model_of(spec, stage) for stage in spec.model_stages}
    _check_kinds(names, _known_kinds(hub))
    found = {name: _found(spec, hub, name) for name in dict.fromkeys(names.values())}
    _check_kinds(names, {name: each.kind for name, each in found.items()})
    placed = dict.fromkeys(found, "endpoint")
    here = {name: each for name, each in found.items() if not each.url}
    if here:  # a scan that only asks servers never imports torch
        devices = usable_devices(spec.models.device)
        for fault in _drift():
            notify(fault)
        if devices == ["cpu"]:
            notify(_on_cpu(spec))
        placed |= _placed(here, devices)
    spec = _with_possible_dtype(spec, set(placed.values()), notify)
    loadings = {name: _loading(spec, found[name], placed[name]) for name in found}
    for loading in loadings.values():
        _check(loading)
    revisions = {name: each.revision for name, each in found.items()}
    models = spec.models.model_copy(update={"revisions": {**spec.models.revisions, **revisions}})
    return ResolvedModels(
        spec.model_copy(update={"models": models}),
        {stage: loadings[name] for stage, name in names.items()},
        prompts,
    )


def model_faults(spec: Spec) -> dict[str, str]:
    """Return why models of a spec cannot be used here, by name; nothing is fetched or loaded.

    Of `model = "auto"` one of the models it may represent is enough: which it is, torch knows.
    """
    from ..hub.environment import FETCHES_NOTHING
    from ..hub.hub import Hub

    hub, found = Hub(offline=FETCHES_NOTHING), {}
    for stage in spec.model_stages:
        owner = model_owner(spec, stage)
        name = str(value_of(spec, owner, "model"))
        chooses = name == AUTOMATIC and owner in STAGES.names()
        automatic = declaration(owner).automatic if chooses else ()
        faults = [_fault(spec, hub, each) for each in dict.fromkeys(automatic or (name,))]
        if all(faults):
            found[name] = faults[-1]
    return found


def _fault(spec: Spec, hub: Hub, name: str) -> str:
    try:
        _found(spec, hub, name)
    except SightlineError as error:
        return str(error)
    return ""


def open_session(
    stores: InferenceStores,
    residency: Residency,
    resolved: ResolvedModels,
    notify: Notify,
    *,
    redo: bool,
) -> InferenceSession:
    """Return the models of a scan, which keep what they answer in these stores."""
    from ..inference.leases import ModelLeases
    from ..inference.session import InferenceSession

    prompts = resolved.prompts or load_prompts().bound(resolved.spec.vlm.variables)
    leases = ModelLeases(
        residency, resolved.loadings, stores.annotations, prompts, notify, texts=stores.texts
    )
    return InferenceSession(stores, leases, resolved.spec, redo=redo)


def usable_devices(wanted: str) -> list[str]:
    """Return the devices models may be put on. Raises ModelRefused for one that is not there."""
    from ..device.capability import capability

    if wanted != "auto":
        capability(wanted)
        return [wanted]
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        return ["mps"]
    return ["xpu"] if torch.xpu.is_available() else ["cpu"]


@cache
def _drift() -> tuple[str, ...]:
    """Return what is wrong with this environment; looked for when a model is first used."""
    from ..device.drift import drift

    return tuple(drift())


def _on_cpu(spec: Spec) -> str:
    if spec.models.device == "cpu":
        return "models run on the CPU, as set by models.device"
    return (
        "no usable GPU: models run on the CPU, many times slower; if this machine has one, "
        "`sightline doctor` shows why it is not used"
    )


def _with_possible_dtype(spec: Spec, devices: set[str], notify: Notify) -> Spec:
    """Take `auto` for float16 where no device is for it: a CPU has no use for it, nor a server."""
    if spec.models.dtype != "float16" or devices - {"cpu", "endpoint"}:
        return spec
    if "cpu" in devices:
        notify("models.dtype = float16 has no benefit on a CPU; using auto instead")
    return spec.model_copy(update={"models": spec.models.model_copy(update={"dtype": "auto"})})


def _without_auto(spec: Spec) -> Spec:
    """Put a model's name for every `auto` of the stages that are used."""
    owners = {model_owner(spec, stage) for stage in spec.model_stages} & set(STAGES.names())
    choosing = [name for name in owners if any(declaration(name).automatic)]
    automatic = [name for name in choosing if value_of(spec, name, "model") == AUTOMATIC]
    if not automatic:
        return spec
    changed: dict[str, Any] = {}
    for name in automatic:
        model = automatic_model(name, spec.models.device)
        changed[name] = spec.section(name).model_copy(update={"model": model})
    return spec.model_copy(update=changed)


def automatic_model(stage: str, device: str) -> str:
    """Return what a stage's `model = "auto"` represents where `models.device` is `device`."""
    return declaration(stage).automatic[usable_devices(device) == ["cpu"]]


def _with_versions(spec: Spec, prompts: Prompts) -> Spec:
    """Write the version of every prompt into the spec: a newer one is another question."""
    changed: dict[str, Any] = {}
    for stage in spec.model_stages:
        if declaration(stage).prompt:
            prompt = prompts.get(value_of(spec, stage, "prompt"))
            check_answer(stage, declaration(stage).prompt, prompt)
            section = spec.section(stage)
            changed[stage] = section.model_copy(update={"prompt": prompt.reference})
    return spec.model_copy(update=changed)


def _known_kinds(hub: Hub) -> dict[str, Kind]:
    """Return what the models known by name are; a wrong one need not be fetched to be refused."""
    return {name: entry.kind for name, entry in hub.catalog.models.items()}


def _check_kinds(names: Mapping[str, str], kinds: Mapping[str, Kind]) -> None:
    """Raise ProfileError for a stage whose model is of a kind that it cannot use."""
    from ..inference.leases import check_kind

    for stage, name in names.items():
        if name in kinds:
            check_kind(stage, name, kinds[name], declaration(stage).accepts)


def _found(spec: Spec, hub: Hub, name: str) -> Resolved:
    wanted = spec.models.revisions.get(name, "")
    kept = wanted.startswith("local-") or wanted == "endpoint"
    text = f"{name}@{wanted}" if wanted and not kept and "@" not in name else name
    consent = _consented(spec, hub, name)
    of_folder = consent.rpartition("@")[2].startswith("local-")
    text = consent if consent and not of_folder else text
    found = hub.resolve(text, spec.models.channel, allow_remote_code=bool(consent))
    if of_folder and found.revision != consent.rpartition("@")[2]:
        again = f'models.allow_remote_code = ["{clean(name)}@{found.revision}"]'
        raise ModelRefused(
            f"{clean(name)} has changed since you consented to its code; read the code "
            f"again, then consent with {again}"
        )
    found = replace(found, name=name if not found.url else found.name)
    if wanted.startswith("local-") and found.revision != wanted:
        raise ModelRefused(f"{clean(name)} has changed since this scan began; start a new scan")
    if found.folder is None and not found.url:
        if not hub.offline:
            hub.plan(found)  # what a pull would refuse is refused now, with the same reason
        lacking = f" ({clean(', '.join(found.lacking[:3]))} missing)" if found.lacking else ""
        raise ModelMissing(
            f"{clean(name)} is not on this disk{lacking}; get it with: "
            f"sightline models pull {clean(found.reference if wanted else name)}"
        )
    return found


def _consented(spec: Spec, hub: Hub, name: str) -> str:
    """Return the reference to whose code the user said yes, if this model is one."""
    catalog = hub.catalog
    repo = catalog.models[name].repo if name in catalog.models else name.partition("@")[0]
    for entry in spec.models.allow_remote_code:
        consented, _, revision = entry.rpartition("@")
        same = revision.startswith("local-") and _path(consented) == _path(name)
        if same or consented in (repo, name):
            return entry
    return ""


def _path(name: str) -> str:
    return os.path.realpath(os.path.expanduser(name))


def _placed(found: Mapping[str, Resolved], devices: list[str]) -> dict[str, str]:
    """Return a device for each model: the largest first, each where most memory is free."""
    if len(devices) == 1:
        return dict.fromkeys(found, devices[0])
    from ..device.memory import memory

    free = {device: memory(device).free_bytes for device in devices}
    placed = {}
    for name in sorted(found, key=lambda each: -weights_bytes(found[each].folder)):
        device = max(free, key=lambda each: free[each])
        placed[name] = device
        free[device] -= weights_bytes(found[name].folder)
    return placed


def _loading(spec: Spec, found: Resolved, device: str) -> Loading:
    kind = KINDS[found.family]
    is_vlm = kind == "vlm"
    return Loading(
        name=found.name,
        family=found.family,
        folder=found.folder,
        revision=found.revision,
        device=device,
        dtype=spec.models.dtype,
        attn=spec.models.attn,
        quantize=_quantize(spec, kind),
        remote_code=found.remote_code,
        options={**found.options, **(_vlm_options(spec, found) if is_vlm else {})},
        weights=found.weights,
    )


def _quantize(spec: Spec, kind: Kind) -> str:
    from ..inference.embed import Embed

    embedder = spec.settings(Embed).quantize
    wanted: dict[Kind, str] = {"vlm": spec.models.quantize, "embedder": embedder}
    return wanted.get(kind, "none")


def _vlm_options(spec: Spec, found: Resolved) -> dict[str, Any]:
    vlm = spec.vlm
    if found.url:
        return {
            "url": found.url,
            "timeout_seconds": vlm.timeout_seconds,
            "wait_seconds": vlm.wait_seconds,
            "concurrency": vlm.concurrency,
            "thinking": vlm.thinking,
            **({"max_slice_nums": vlm.max_slice_nums} if vlm.max_slice_nums > 1 else {}),
        }
    return {
        "thinking": vlm.thinking,
        "packing": vlm.packing,
        "max_slice_nums": vlm.max_slice_nums,
    }


def _check(loading: Loading) -> None:
    """Refuse what cannot work before a weight is read."""
    if loading.folder is None:
        return
    from ..device.attention import choose_attention
    from ..device.capability import capability
    from ..device.precision import choose_dtype
    from ..device.quantisation import choose_quantisation
    from ..models.int8 import wants_eight_bits

    device = capability(loading.device)
    dtype = choose_dtype(loading.dtype, device)
    choose_attention(loading.attn, device, dtype)
    if KINDS[loading.family] == "embedder":
        wants_eight_bits(loading.quantize, device, dtype)
    else:
        choose_quantisation(loading.quantize, device, dtype)
    check_loading(loading)
