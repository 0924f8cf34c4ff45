"""Settings of models, and of the stages that look with one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .section import Section

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Models(Section):
    """How models are found, loaded and fed."""

    channel: Literal["stable", "edge"] = Field(
        "stable", description="stable takes pinned commits, edge the newest upstream"
    )
    revisions: dict[str, str] = Field(
        default_factory=dict,
        description="commit, tag or branch by model name; a scan writes the full commits here",
    )
    allow_remote_code: tuple[str, ...] = Field(
        (), description="models whose own code may run, each as 'org/repo@full-commit'"
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps, ...")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="precision of the weights; auto goes by the device"
    )
    attn: str = Field(
        "auto", description="attention backend: auto, sdpa, eager, flash_attention_2, ..."
    )
    quantize: Literal["none", "8bit", "4bit"] = Field(
        "none", description="quantisation of VLM weights (an extra)"
    )
    preload: bool = Field(False, description="load models before the first frame, not at first use")
    batch_size: int = Field(
        16, ge=1, le=1024, description="frames a model is shown at once, and the unit of commit"
    )
    image_size: int = Field(
        0,
        ge=0,
        le=8192,
        description="longest side of a frame models are shown; 0 goes by what they can see",
    )
    no_resize: bool = Field(False, description="show models full frames, whatever image_size says")
    keep_frames_mib: int = Field(
        1024,
        ge=0,
        description="frames shown to a VLM kept in the library, so that another prompt decodes "
        "nothing; 0 keeps none",
    )


class Vlm(Section):
    """The vision-language model, unless a stage names its own."""

    model: str = Field(
        "qwen3-vl-2b",
        min_length=1,
        description="a name from `sightline models list`, a repository, a folder, or an endpoint",
    )
    max_tokens: int = Field(256, ge=1, le=32768, description="longest answer")
    batch_size: int = Field(4, ge=1, le=256, description="questions asked at once")
    packing: int = Field(1, ge=1, le=6, description="frames packed into one temporal slot "
                         "(MiniCPM-V 4.5)")  # fmt: skip
    max_slice_nums: int = Field(
        1, ge=1, le=9, description="slices of one high-resolution frame (MiniCPM-V)"
    )
    thinking: bool = Field(False, description="let the model reason before it answers")
    timeout_seconds: float = Field(120.0, gt=0, description="longest wait for an endpoint's answer")
    concurrency: int = Field(8, ge=1, le=256, description="requests an endpoint gets at once")


class Embed(Section):
    """A vector of each frame, and of each object found in it."""

    model: str = Field(
        "auto",
        min_length=1,
        description="an embedder; auto is siglip2-so400m on a GPU, laion-vit-b32 on a CPU",
    )
    quantize: Literal["none", "8bit"] = Field(
        "none", description="8bit computes in integers: faster on a CPU, vectors a little off"
    )
    objects: bool = Field(True, description="also of every box that detect found")


class Tag(Section):
    """Words for each frame."""

    model: str = Field("", description="an embedder, Florence-2 or a VLM; empty takes embed.model")
    vocabulary: tuple[str, ...] = Field(
        (), description="words an embedder chooses from; empty takes the list that ships"
    )
    template: str = Field("a photo of {label}", description="how a word is put to the embedder")
    prompt: str = Field("keywords_only", description="what a VLM is asked: a prompt's name")
    top: int = Field(8, ge=1, le=100, description="at most so many tags")
    threshold: Share = Field(0.05, description="least probability of a tag")


class Detect(Section):
    """Where things are."""

    model: str = Field("grounding-dino-tiny", min_length=1, description="a detector")
    labels: tuple[str, ...] = Field(
        (), description="what to look for; empty takes each frame's tags (open vocabulary only)"
    )
    threshold: Share = Field(0.3, description="least score of a box")
    tiles: int = Field(
        1, ge=1, le=8, description="look at so many by so many overlapping tiles too, for small "
        "things",
    )  # fmt: skip
    tracks: bool = Field(True, description="tell which boxes of a video are the same thing")


class Segment(Section):
    """A mask for each box."""

    model: str = Field("sam2-tiny", min_length=1, description="a segmenter")


class Caption(Section):
    """A text about each frame."""

    model: str = Field("", description="a VLM or Florence-2; empty takes vlm.model")
    prompt: str = Field("detailed_description", description="a prompt's name, or name@version")
    extra: str = Field("", description="instructions on top of the prompt")


class Describe(Section):
    """A text about each object found."""

    model: str = Field("", description="a VLM or Florence-2; empty takes vlm.model")
    prompt: str = Field("describe_object", description="a prompt's name, or name@version")
    extra: str = Field("", description="instructions on top of the prompt")
    most: int = Field(16, ge=1, le=256, description="objects of one frame, the surest first")


class Verify(Section):
    """A second look at each candidate, by a VLM."""

    model: str = Field("", description="a VLM; empty takes vlm.model")
    prompt: str = Field("storm_verify", description="a prompt's name, or name@version")
    extra: str = Field("", description="instructions on top of the prompt")
    frames: int = Field(6, ge=2, le=32, description="frames shown of each candidate")
    around_seconds: float = Field(
        0.25, ge=0, le=10, description="time before and after it that the frames reach"
    )
    keep_rejected: bool = Field(
        False, description="keep events the model rejects, marked, rather than drop them"
    )
