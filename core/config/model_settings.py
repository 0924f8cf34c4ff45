"""Settings of models: how they are found, loaded and fed. Stages declare their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from .answer_schema import schema_text
from .section import LATER, NO_RESULT, FromFile, Section
from .variables import checked_names


class Models(Section):
    """How models are selected, loaded and batched."""

    channel: Literal["stable", "edge"] = Field(
        "stable",
        description="stable uses pinned commits, edge the newest upstream commits",
        json_schema_extra=NO_RESULT,
    )
    revisions: dict[str, str] = Field(
        default_factory=dict,
        description="commit, tag or branch by model name; a scan writes the full commits here",
    )
    allow_remote_code: tuple[str, ...] = Field(
        (),
        description="models whose own code may run, each as 'org/repo@full-commit'",
        json_schema_extra=NO_RESULT,
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps, ...")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="precision of the weights; auto depends on the device, and for embedders on a "
        "CPU on which precision a measurement finds faster",
    )
    attn: str = Field(
        "auto", description="attention backend: auto, sdpa, eager, flash_attention_2, ..."
    )
    quantize: Literal["none", "8bit", "4bit"] = Field(
        "none", description="quantisation of VLM weights (needs an extra)"
    )
    preload: bool = Field(
        False,
        description="load models before the first frame, not at first use",
        json_schema_extra=NO_RESULT,
    )
    batch_size: int = Field(
        16,
        ge=1,
        le=1024,
        description="frames per model batch, stored in one transaction",
        json_schema_extra=NO_RESULT,
    )
    image_size: int = Field(
        0,
        ge=0,
        le=8192,
        description="longest side of a frame given to a model, in pixels; 0 chooses by model",
    )
    no_resize: bool = Field(False, description="give models full-size frames, ignoring image_size")
    keep_frames_mib: int = Field(
        1024,
        ge=0,
        description="size of the cache of frames given to a VLM, so that another prompt needs "
        "no decoding; 0: none",
        json_schema_extra=NO_RESULT,
    )
    gate: tuple[str, ...] = Field(
        (),
        description="faults that exclude frames from models: 'quality', one fault such as "
        "'quality.dark', 'dedupe'; the result contains the frames and reasons",
        json_schema_extra=LATER,
    )


class GatedSection(Section):
    """The table of a stage that shows frames to a model."""

    gate: tuple[str, ...] | None = Field(
        None,
        description="faults that exclude frames from this stage's model; if not set, models.gate",
        json_schema_extra=LATER,
    )


class SchemaSection(GatedSection):
    """The table of a stage that keeps the text a VLM answers with."""

    json_schema: Annotated[str, FromFile(("{",))] = Field(
        "",
        description="a file with a JSON schema that each answer must conform to, or the schema "
        "itself; an answer that does not conform is stored as failed",
        json_schema_extra=LATER,
    )

    @field_validator("json_schema", mode="before")
    @classmethod
    def _schema(cls, value: Any) -> str:
        return schema_text(value)


class Vlm(Section):
    """The vision-language model (VLM), for stages that name no model of their own."""

    model: str = Field(
        "qwen3-vl-2b",
        min_length=1,
        description="a name from `sightline models list`, a repository, a folder, or an endpoint",
    )
    max_tokens: int = Field(
        256, ge=1, le=32768, description="maximum length of an answer, in tokens"
    )
    batch_size: int = Field(
        4, ge=1, le=256, description="questions per batch", json_schema_extra=NO_RESULT
    )
    packing: int = Field(
        1,
        ge=1,
        le=6,
        description="frames of a video per question of caption; MiniCPM-V 4.5 packs them into "
        "one time slot",
    )
    max_slice_nums: int = Field(
        1, ge=1, le=9, description="slices of one high-resolution frame (MiniCPM-V)"
    )
    thinking: bool = Field(False, description="let the model reason before it answers")
    variables: dict[str, str] = Field(
        default_factory=dict,
        description="values of the variables that prompts declare, by name",
        json_schema_extra=LATER,
    )
    timeout_seconds: float = Field(
        120.0,
        gt=0,
        description="timeout of a request to an endpoint",
        json_schema_extra=NO_RESULT,
    )
    wait_seconds: float = Field(
        300.0,
        ge=0,
        description="how long to wait for an endpoint that loads its model or asks for a wait; "
        "beyond it, the scan stops",
        json_schema_extra=NO_RESULT,
    )
    concurrency: int = Field(
        8,
        ge=1,
        le=256,
        description="concurrent requests to an endpoint",
        json_schema_extra=NO_RESULT,
    )

    @field_validator("variables")
    @classmethod
    def _names(cls, value: dict[str, str]) -> dict[str, str]:
        return checked_names(value)
