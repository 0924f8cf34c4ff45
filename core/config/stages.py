"""The registry of stages, and what a stage class declares about itself.

One class in one file says everything the rest of the program needs to know of a stage: its
settings, what it depends on, which models it takes, and the form of its answers. Profiles,
their validation and documentation, model resolution, exports, `show` and the app are built from
these declarations. Adding a stage is its file and one line in `STAGES`.

The table holds strings, so that nothing of a stage is imported before a profile asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter

from ..errors import SightlineError
from ..plugins.registry import Registry
from .section import Section
from .variables import VARIABLES

Role = Literal["screening", "model", "verification"]
ModelKind = Literal["vlm", "embedder", "detector", "segmenter"]
PromptAnswer = Literal["", "text", "keywords", "verdict"]
Slot = Literal["", "tags", "caption", "objects", "mask", "description", "vector", "verdict"]


SCREENING_METHODS = ("kinds", "columns", "open", "prepare", "infer", "finish", "decide", "close")
MODEL_METHODS = ("open", "questions", "prepare", "infer", "finish")


class StageDeclaration:
    """What a stage declares. Every stage class derives from it."""

    name: ClassVar[str]
    version: ClassVar[int]
    """raise it whenever the same input would give another result than before"""
    role: ClassVar[Role] = "model"
    """`screening` measures frames without a model, `model` shows frames to one, `verification`
    shows candidates to one"""
    Settings: ClassVar[type[Section]] = Section
    """its table of a profile"""
    needs: ClassVar[tuple[str, ...]] = ()
    """stages whose answers it works on: refused without them"""
    uses: ClassVar[tuple[str, ...]] = ()
    """stages whose answers it takes into account where they are there"""
    every_frame: ClassVar[str] = ""
    """why it needs every frame of a video; empty where it does not"""
    events: ClassVar[bool] = False
    """whether its accepted candidates become events"""
    in_regions: ClassVar[bool] = False
    """whether the regions of a profile bound what it measures; else it measures entire frames"""
    faults: ClassVar[tuple[str, ...]] = ()
    """of a screening stage: what it finds wrong with frames that `gate` can name (`gates.py`)"""
    accepts: ClassVar[tuple[ModelKind, ...]] = ()
    """kinds of models it can use"""
    follows: ClassVar[str] = ""
    """stage or section whose model it takes where its own `model` is empty"""
    automatic: ClassVar[tuple[str, str]] = ("", "")
    """what `model = "auto"` stands for, on an accelerator and on a CPU"""
    prompt: ClassVar[PromptAnswer] = ""
    """the type of answer its `prompt` setting has to ask for; empty where it has none"""
    variables: ClassVar[tuple[str, ...]] = VARIABLES
    """which of the variables of prompts it fills in; a prompt with another one is refused"""
    slot: ClassVar[Slot] = ""
    """where exports and lists put its answers: a field of the frame, object or candidate they are
    about. Without one they are listed as `answers` of the frame, by `line`"""
    Body: ClassVar[Any] = dict[str, Any]
    """type of an answer's body, as pydantic takes it"""

    @classmethod
    def answer_schema(cls) -> dict[str, Any]:
        """Return the JSON schema of an answer's body."""
        return TypeAdapter(cls.Body).json_schema()

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return an answer in one line, for people. It is untrusted text until it is cleaned."""
        return f"{cls.name}: {', '.join(f'{name} {value}' for name, value in body.items())}"


def check_stage(name: str, found: Any) -> str:
    """Return what is wrong with the class of a plugin's stage, or an empty string."""
    if not isinstance(found, type) or not issubclass(found, StageDeclaration):
        return "it is not a class that derives from StageDeclaration"
    lacking = next((each for each in ("name", "version") if not hasattr(found, each)), None)
    if lacking or found.name != name:
        return f"its attribute '{lacking or 'name'}' must be declared, the name as '{name}'"
    if not issubclass(found.Settings, Section):
        return "its 'Settings' must derive from Section"
    if found.role not in ("screening", "model"):
        return "its attribute 'role' must be screening or model"
    methods = SCREENING_METHODS if found.role == "screening" else MODEL_METHODS
    absent = next((each for each in methods if not hasattr(found, each)), None)
    return f"it has no '{absent}'" if absent else _check_model(found)


def _check_model(stage: type[StageDeclaration]) -> str:
    """Return which settings a stage with a model lacks."""
    if stage.role == "screening":
        return ""
    if not stage.accepts:
        return "its attribute 'accepts' must name the kinds of models it can use"
    wanted = ("model", "prompt") if stage.prompt else ("model",)
    absent = next((each for each in wanted if each not in stage.Settings.model_fields), None)
    return f"its 'Settings' must have a '{absent}'" if absent else ""


STAGES: Registry[type[StageDeclaration]] = Registry(
    "stage",
    "sightline.stages",
    {
        "flash": "core.screening.flash:FlashStage",
        "motion": "core.screening.motion:MotionStage",
        "cut": "core.screening.cut:CutStage",
        "dedupe": "core.screening.dedupe:DedupeStage",
        "quality": "core.screening.quality:QualityStage",
        "tag": "core.inference.tag:TagStage",
        "detect": "core.inference.detect:DetectStage",
        "segment": "core.inference.segment:SegmentStage",
        "embed": "core.inference.embed:EmbedStage",
        "caption": "core.inference.caption:CaptionStage",
        "describe": "core.inference.describe:DescribeStage",
        "verify": "core.inference.verify:Verifier",
    },
    check_stage,
)
"""stages in the order of the documentation; those with a model in the order in which they build on
each other"""


@cache
def declaration(name: str) -> type[StageDeclaration]:
    """Return the class of a stage. Raises UnknownName."""
    return STAGES.load(name)


def declarations() -> Iterator[type[StageDeclaration]]:
    """Yield the class of every stage; one of a plugin that cannot be loaded is left out."""
    for name in STAGES.names():
        with suppress(SightlineError):
            yield declaration(name)


def declared(name: str) -> type[StageDeclaration] | None:
    """Return the class of a stage; None for one this installation does not have."""
    with suppress(SightlineError):
        return declaration(name)
    return None


@cache
def in_order(stages: tuple[str, ...]) -> tuple[str, ...]:
    """Return stages in the order of the registry. Cached: it is asked for with every frame."""
    return tuple(name for name in STAGES.names() if name in stages)


def in_slot(slot: Slot) -> tuple[str, ...]:
    """Return the stages whose answers exports and lists put in a place."""
    return tuple(each.name for each in declarations() if each.slot == slot)


def event_stages() -> tuple[str, ...]:
    """Return the stages whose candidates become events."""
    return tuple(each.name for each in declarations() if each.events)
