"""Models: what is known by name, what is on this disk, what was verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..request import Request
from ..views import ModelMemory

ModelChannel = Literal["stable", "edge"]


@dataclass(frozen=True, slots=True)
class ModelMemories:
    """What each model that was ever loaded took, the largest first."""

    models: tuple[ModelMemory, ...]


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model of the list.

    `state` is "", "whole", "half", "begun" (no snapshot yet), "other" (what is on this disk is no
    model that can be loaded) or "fault" (its folder cannot be read); `why` explains the last two.
    """

    name: str
    kind: str
    family: str
    repo: str
    state: str
    size_bytes: int
    pinned: str
    good_for: str
    licence: str
    remote_code: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class ModelLines:
    """The models known by name, then whatever else lies in the cache."""

    models: tuple[ModelLine, ...]


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """Everything about one model, as a JSON object in the order it is shown."""

    model: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VerifiedModels:
    """What was verified, each a JSON object, in the order it was noted."""

    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ModelPinned:
    """A model is pinned at a commit. `pinned` is the date and time, `why` what led to it."""

    repo: str
    commit: str
    pinned: str
    why: str


@dataclass(frozen=True, slots=True)
class ModelUnpinned:
    """A model is no longer pinned at this commit."""

    repo: str
    commit: str


@dataclass(frozen=True, slots=True)
class ModelRefusals:
    """Why models that are on this disk cannot be loaded, by name; the others are left out."""

    refused: dict[str, str]


@dataclass(frozen=True, slots=True)
class GetModelMemory(Request[ModelMemories], right="read", heavy=True):
    """What each model that was ever loaded for the library took."""


@dataclass(frozen=True, slots=True)
class GetModels(Request[ModelLines], right="read", heavy=True):
    """The models known by name, and whatever else is on this disk."""


@dataclass(frozen=True, slots=True)
class GetModel(Request[ModelDetails], right="read", heavy=True):
    """One model: where it comes from, what is here, what was verified.

    What a server can do is asked for once and noted; `refresh` asks it again.
    """

    name: str
    channel: ModelChannel = "stable"
    offline: bool = False
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class GetVerified(Request[VerifiedModels], right="read", heavy=True):
    """Which commits of models were verified; only those of `name` unless it is empty."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class PromoteModel(Request[ModelPinned], right="write", long=True):
    """Pin a model at the commit that was verified last."""

    name: str


@dataclass(frozen=True, slots=True)
class UnpinModel(Request[ModelUnpinned], right="write", long=True):
    """Remove the pin of a model."""

    name: str


@dataclass(frozen=True, slots=True)
class GetModelRefusals(Request[ModelRefusals], right="read", heavy=True):
    """Which of these models are on this disk and cannot be loaded; the network is not used.

    `auto:STAGE:DEVICE` is what `model = "auto"` of a stage represents on this machine.
    """

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProfileFaults:
    """Why profiles cannot run here, by name: a line for each model; the others are left out."""

    faults: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class GetProfileFaults(Request[ProfileFaults], right="read", heavy=True):
    """Which profiles lack a model on this disk, or have one that cannot be loaded.

    The network is not used.
    """

    names: tuple[str, ...]
