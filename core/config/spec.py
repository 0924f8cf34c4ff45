"""A profile's settings as types, and their frozen, resolved, hashed form."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import Field, model_validator

from ..errors import ProfileError
from .model_settings import Caption, Describe, Detect, Embed, Models, Segment, Tag, Verify, Vlm
from .screening_settings import (
    Cut,
    Dedupe,
    Events,
    Flash,
    Limits,
    Motion,
    Output,
    Quality,
    Regions,
    Run,
    Sampling,
)
from .section import MEASURE, Section

SCREENING_STAGE_NAMES = ("flash", "motion", "cut", "dedupe", "quality")
"""stages that measure frames without a model"""
MODEL_STAGE_NAMES = ("tag", "detect", "segment", "embed", "caption", "describe", "verify")
"""stages that look with a model, in the order in which they build on each other"""
STAGE_NAMES = SCREENING_STAGE_NAMES + MODEL_STAGE_NAMES
EVENT_STAGES = ("flash", "motion", "cut")
VLM_STAGES = ("caption", "describe", "verify")
NEVER_MATTER = {
    "models": ("channel", "preload", "batch_size", "keep_frames_mib", "allow_remote_code"),
    "vlm": ("batch_size", "timeout_seconds", "concurrency"),
}
"""settings of models that change how the work is done, and never a result"""
LATER_SAMPLING = ("stream", "raw_rate")
NEEDS = {"segment": "detect", "describe": "detect"}


class Spec(Section):
    """Everything a scan depends on, resolved."""

    profile: str = Field("", description="the profile this came from", exclude=True)
    description: str = Field("", description="one line for lists", exclude=True)
    stages: tuple[str, ...] = Field(
        ("flash",), description=f"what is done, of: {', '.join(STAGE_NAMES)}"
    )
    sampling: Sampling = Field(default_factory=Sampling)
    regions: Regions = Field(default_factory=Regions)
    flash: Flash = Field(default_factory=Flash)
    motion: Motion = Field(default_factory=Motion)
    cut: Cut = Field(default_factory=Cut)
    dedupe: Dedupe = Field(default_factory=Dedupe)
    quality: Quality = Field(default_factory=Quality)
    events: Events = Field(default_factory=Events)
    limits: Limits = Field(default_factory=Limits)
    run: Run = Field(default_factory=Run)
    output: Output = Field(default_factory=Output)
    models: Models = Field(default_factory=Models)
    vlm: Vlm = Field(default_factory=Vlm)
    tag: Tag = Field(default_factory=Tag)
    detect: Detect = Field(default_factory=Detect)
    segment: Segment = Field(default_factory=Segment)
    embed: Embed = Field(default_factory=Embed)
    caption: Caption = Field(default_factory=Caption)
    describe: Describe = Field(default_factory=Describe)
    verify: Verify = Field(default_factory=Verify)

    @model_validator(mode="after")
    def _possible(self) -> Spec:
        _check_stages(self)
        return self

    @property
    def model_stages(self) -> tuple[str, ...]:
        """Return the stages that look with a model, in the order they build on each other."""
        return tuple(name for name in MODEL_STAGE_NAMES if name in self.stages)

    @property
    def screening_stages(self) -> tuple[str, ...]:
        """Return the stages that measure without a model."""
        return tuple(name for name in self.stages if name in SCREENING_STAGE_NAMES)

    def what_matters(self) -> dict[str, Any]:
        """Return the settings a result depends on: none of how the work is done."""
        unused = {name for name in STAGE_NAMES if name not in self.stages}
        if not self.model_stages:
            unused |= {"models", "vlm"}
        dump = self.model_dump(mode="json", exclude={"run", "output", "limits", *unused})
        dump["sampling"] = without_defaults(dump["sampling"])
        for section, names in NEVER_MATTER.items():
            for name in names:
                dump.get(section, {}).pop(name, None)
        return dump

    def hash(self) -> str:
        """Return the spec's identity: settings that cannot change a result are left out."""
        return tagged_hash("spec", self.what_matters())

    def measure_settings(self, stage: str) -> dict[str, Any]:
        """Return the settings of `stage` that change what it measures (not what it decides)."""
        section: Section = getattr(self, stage)
        fields = type(section).model_fields
        wanted = {name for name, field in fields.items() if field.json_schema_extra == MEASURE}
        own = section.model_dump(mode="json", include=wanted)
        return {
            "own": own,
            # Other stages look at the whole picture.
            "regions": self.regions.model_dump(mode="json") if stage in EVENT_STAGES else {},
            # Which stream was asked for is part of the content's identity.
            "sampling": without_defaults(self.sampling.model_dump(mode="json", exclude={"stream"})),
        }


def without_defaults(sampling: dict[str, Any]) -> dict[str, Any]:
    """Leave out settings of sampling that came later, where they change nothing.

    What was kept before they came is known by its key still.
    """
    later = {name: Sampling.model_fields[name].default for name in LATER_SAMPLING}
    return {k: v for k, v in sampling.items() if k not in later or v != later[k]}


def tagged_hash(tag: str, value: Any) -> str:
    """Return 32 hex digits of BLAKE2b over the tag and the canonical JSON of `value`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(f"sightline.{tag}\n{text}".encode(), digest_size=16).hexdigest()


def _check_stages(spec: Spec) -> None:
    if not spec.stages:
        raise ProfileError(f"stages is empty; name at least one of {', '.join(STAGE_NAMES)}")
    for name in spec.stages:
        if name not in STAGE_NAMES:
            from ..text import nearest

            raise ProfileError(
                f"stages: unknown stage '{name}'{nearest(name, list(STAGE_NAMES))}; "
                f"known: {', '.join(STAGE_NAMES)}"
            )
    _check_order(spec)
    if "flash" in spec.stages and spec.sampling.mode != "every":
        raise ProfileError(
            "stages: 'flash' needs every frame (a stroke lasts one to six); "
            "set sampling.mode = 'every' or leave flash out"
        )


def _check_order(spec: Spec) -> None:
    for name, needed in NEEDS.items():
        if name in spec.stages and needed not in spec.stages:
            raise ProfileError(f"stages: '{name}' works on what '{needed}' finds; add '{needed}'")
    if "verify" in spec.stages and not set(EVENT_STAGES) & set(spec.stages):
        raise ProfileError(
            f"stages: 'verify' looks at candidates; add one of {', '.join(EVENT_STAGES)}"
        )
