"""A profile's settings as types, and their frozen, resolved, hashed form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from ..errors import ProfileError
from .gates import check_gates, frames_gated
from .model_settings import Models, Vlm
from .screening_settings import Events, Limits, Output, Regions, Run, Sampling
from .section import MEASURE, Section, marked, unhashed
from .stages import STAGES, declaration, declarations, event_stages, in_order

LATER_SAMPLING = ("stream", "raw_rate", "loop_filter", "decoder")
BETWEEN = "events"
"""the section before which those of screening stages are placed in documents; models come last"""
S = TypeVar("S", bound=Section)


class Spec(Section):
    """Everything a scan depends on, resolved.

    The tables of stages are not fields but extra values, validated by the `Settings` class that
    the stage declares: so a spec imports no stage but those it names. `settings` gives one by its
    class, checked by mypy; `section` by the name of its stage.
    """

    model_config = ConfigDict(extra="allow")

    profile: str = Field("", description="name of the profile", exclude=True)
    description: str = Field("", description="one line of description", exclude=True)
    stages: tuple[str, ...] = Field(("flash",), description="stages to run, of: {stages}")
    sampling: Sampling = Field(default_factory=Sampling)
    regions: Regions = Field(default_factory=Regions)
    events: Events = Field(default_factory=Events)
    limits: Limits = Field(default_factory=Limits)
    run: Run = Field(default_factory=Run)
    output: Output = Field(default_factory=Output)
    models: Models = Field(default_factory=Models)
    vlm: Vlm = Field(default_factory=Vlm)

    @model_validator(mode="before")
    @classmethod
    def _tables(cls, given: Any) -> Any:
        return _validated(given) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _possible(self) -> Spec:
        _check_stages(self)
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return the table of a stage that nothing was set for. mypy wants `settings`."""
            return self.section(name) if name in STAGES.names() else super().__getattr__(name)

    def section(self, name: str) -> Section:
        """Return a table by its name; that of a stage has its defaults where nothing was set."""
        if name in Spec.model_fields:
            found: Section = getattr(self, name)
            return found
        extra = self.__pydantic_extra__ or {}
        return extra[name] if name in extra else declaration(name).Settings()

    def settings(self, kind: type[S]) -> S:
        """Return the table of a class; its defaults where nothing was set."""
        extra = self.__pydantic_extra__ or {}
        return next((each for each in extra.values() if isinstance(each, kind)), None) or kind()

    @property
    def model_stages(self) -> tuple[str, ...]:
        """Return the stages that show frames or candidates to a model, in the registry's order."""
        wanted = in_order(self.stages)
        return tuple(name for name in wanted if declaration(name).role != "screening")

    @property
    def frame_stages(self) -> tuple[str, ...]:
        """Return the stages that show frames to a model."""
        return tuple(name for name in self.model_stages if declaration(name).role == "model")

    @property
    def screening_stages(self) -> tuple[str, ...]:
        """Return the stages that measure without a model."""
        return tuple(name for name in self.stages if declaration(name).role == "screening")

    def every_table(self) -> dict[str, Any]:
        """Return every setting as JSON types, also of stages that nothing was set for."""
        dump = self.model_dump(mode="json", include={"stages"})
        return dump | {name: self.section(name).model_dump(mode="json") for name in sections()}

    def what_matters(self) -> dict[str, Any]:
        """Return the settings a result depends on: none of how the work is done."""
        names = ["sampling", "events", *self.stages]
        names += ["models", "vlm"] if self.model_stages else []
        dump: dict[str, Any] = {"stages": list(self.stages)}
        for name in names:
            section = self.section(name)
            dump[name] = section.model_dump(mode="json", exclude=unhashed(section))
        dump["sampling"] = without_defaults(dump["sampling"])
        dump["regions"] = self.regions.identity()
        if self.model_stages and any(dump["regions"].values()):
            dump["regions"]["models"] = "see what is inside"  # they once saw whole frames
        return dump

    def hash(self) -> str:
        """Return the spec's identity: settings that cannot change a result are left out."""
        return tagged_hash("spec", self.what_matters())

    def measure_settings(self, stage: str) -> dict[str, Any]:
        """Return the settings of `stage` that change what it measures (not what it decides)."""
        section = self.section(stage)
        regions = declaration(stage).in_regions
        gated = frames_gated(self, stage)
        return {
            "own": section.model_dump(mode="json", include=marked(type(section), MEASURE)),
            "regions": self.regions.identity() if regions else {},
            # Which stream was asked for is part of the content's identity.
            "sampling": without_defaults(self.sampling.model_dump(mode="json", exclude={"stream"})),
            **({"gated": gated} if gated else {}),
        }


def sections() -> dict[str, type[Section]]:
    """Return the class of every table a profile may hold, in the order of the documentation."""
    general = {
        name: field.annotation
        for name, field in Spec.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }
    screening = {each.name: each.Settings for each in declarations() if each.role == "screening"}
    others = {each.name: each.Settings for each in declarations() if each.role != "screening"}
    place = list(general).index(BETWEEN)
    first, last = list(general.items())[:place], list(general.items())[place:]
    return {**dict(first), **screening, **dict(last), **others}


def section_class(name: str) -> type[Section] | None:
    """Return the class of one table, without importing any other stage; None for no table."""
    field = Spec.model_fields.get(name)
    if field is not None:
        kind = field.annotation
        return kind if isinstance(kind, type) and issubclass(kind, Section) else None
    return declaration(name).Settings if name in STAGES.names() else None


def meaning(key: str) -> str:
    """Return what a dotted setting means. Raises KeyError for one that is none."""
    table, _, name = key.rpartition(".")
    owner: type[BaseModel] | None = section_class(table) if table else Spec
    if owner is None:
        raise KeyError(key)
    text = owner.model_fields[name].description or ""
    return text.replace("{stages}", ", ".join(STAGES.names()))


def without_defaults(sampling: dict[str, Any]) -> dict[str, Any]:
    """Leave out settings of sampling that came later, where they change nothing.

    What was kept before they came is known by its key still.
    """
    later = {name: Sampling.model_fields[name].default for name in LATER_SAMPLING}
    return {k: v for k, v in sampling.items() if k not in later or v != later[k]}


def tagged_hash(tag: str, value: Any) -> str:
    """Return 32 hex digits of BLAKE2b over the tag and the canonical JSON of `value`."""
    return tagged_hash_of_text(tag, canonical(value))


def canonical(value: Any) -> str:
    """Return the canonical JSON of a value, of which hashes are made."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def tagged_hash_of_text(tag: str, text: str) -> str:
    """Return the `tagged_hash` of the value whose canonical JSON is `text`."""
    return hashlib.blake2b(f"sightline.{tag}\n{text}".encode(), digest_size=16).hexdigest()


def _validated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables with those of stages as sections. Raises ValidationError for an unknown one."""
    known = STAGES.names()
    own = {name: value for name, value in given.items() if name in Spec.model_fields}
    unknown = next((name for name in given if name not in own and name not in known), None)
    if unknown is not None:
        problem = {"type": "extra_forbidden", "loc": (unknown,), "input": given[unknown]}
        raise ValidationError.from_exception_data("Spec", [problem])  # type: ignore[list-item]
    asked = own.get("stages", Spec.model_fields["stages"].default)
    wanted = asked if isinstance(asked, (list, tuple)) else ()
    tables = {name: given.get(name, {}) for name in known if name in given or name in wanted}
    return own | {name: _section_of(name, table) for name, table in tables.items()}


def _section_of(stage: str, table: Any) -> Section:
    holder = _holder(stage, declaration(stage).Settings)
    checked: Section = getattr(holder.model_validate({stage: table}), stage)
    return checked


@cache
def _holder(stage: str, settings: type[Section]) -> type[BaseModel]:
    """Return a model with one field, so that errors name the stage before the setting."""
    fields: dict[str, Any] = {stage: (settings, ...)}
    return create_model("Spec", **fields)


def _check_stages(spec: Spec) -> None:
    known = STAGES.names()
    if not spec.stages:
        raise ProfileError(f"stages is empty; name at least one of {', '.join(known)}")
    for name in spec.stages:
        if name not in known:
            from ..text import nearest

            raise ProfileError(
                f"stages: unknown stage '{name}'{nearest(name, list(known))}; "
                f"known: {', '.join(known)}"
            )
    for name in spec.stages:
        _check_needs(spec, name)
    for name in spec.stages:
        _check_frames(spec, name)
    check_gates(spec)


def _check_needs(spec: Spec, name: str) -> None:
    stage = declaration(name)
    lacking = next((needed for needed in stage.needs if needed not in spec.stages), None)
    if lacking:
        raise ProfileError(f"stages: '{name}' needs the results of '{lacking}'; add '{lacking}'")
    finds = any(declaration(each).events for each in spec.stages)
    if stage.role == "verification" and not finds:
        raise ProfileError(
            f"stages: '{name}' needs candidates; add one of {', '.join(event_stages())}"
        )


def _check_frames(spec: Spec, name: str) -> None:
    why = declaration(name).every_frame
    if why and spec.sampling.mode != "every":
        raise ProfileError(
            f"stages: '{name}' needs every frame ({why}); "
            f"set sampling.mode = 'every' or leave {name} out"
        )
