"""Settings of reading, of events, and of running. Stages declare their own."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from .region_shapes import Shape, mask_digest, mask_uri, shape
from .section import LATER, FromFile, Section, unhashed

RegionShape = Annotated[Shape, BeforeValidator(shape)]
DEVICES = (
    "cuda", "vaapi", "videotoolbox", "qsv", "vdpau", "d3d11va", "d3d12va", "dxva2", "vulkan", "drm",
    "amf", "mediacodec",
)  # fmt: skip
"""FFmpeg's names of what decodes in hardware (libavutil/hwcontext.c)"""


class Sampling(Section):
    """Which frames of a video are looked at. Pictures are always looked at whole."""

    mode: Literal["every", "fps", "count", "keyframes"] = Field(
        "every", description="every frame, so many a second, so many in all, or keyframes only"
    )
    fps: float = Field(2.0, gt=0, le=1000, description="frames a second with mode = 'fps'")
    count: int = Field(64, ge=1, description="frames in all, evenly spread, with mode = 'count'")
    max_frames: int | None = Field(None, ge=1, description="stop after so many frames of a source")
    reader: Literal["auto", "pyav", "decord"] = Field(
        "auto",
        description="who decodes sampled frames; auto takes decord where it agrees with the "
        "container and PyAV otherwise. Every-frame reading is always PyAV's",
    )
    stream: Literal["auto", "all"] | Annotated[int, Field(ge=0, le=99)] = Field(
        "auto",
        description="which video stream of a file with several: auto takes the one players show, "
        "a number another (0 is the first, as FFmpeg counts), 'all' looks at each",
    )
    raw_rate: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="frames a second of raw streams (.h264, .hevc), which have no times; without "
        "it, what the stream itself says, else 25",
    )
    loop_filter: Literal["full", "skip"] = Field(
        "full",
        description="skip leaves out the decoder's deblocking (H.264, HEVC): less work, but pixels "
        "are not those of the recording, and flashes can be missed",
    )
    decoder: str = Field(
        "software",
        description="software decodes on the processor; auto takes a device that decodes where "
        "there is one, such as cuda; a name one of FFmpeg's devices, with its number or path "
        "(cuda:1, vaapi:/dev/dri/renderD129). Without that device software decodes",
    )

    @field_validator("decoder")
    @classmethod
    def _known(cls, value: str) -> str:
        kind, colon, number = value.partition(":")
        numbered = not colon or re.fullmatch(r"[\w./-]+", number)
        if value in ("software", "auto") or (kind in DEVICES and numbered):
            return value
        raise ValueError(f"'{value}' is neither software, auto nor one of {', '.join(DEVICES)}")


class Regions(Section):
    """Where to look: rectangles, polygons, a mask.

    A rectangle is [x, y, width, height], a polygon [[x, y], [x, y], [x, y], ...]; in fractions of
    the frame when all its numbers are at most 1, else in pixels.
    """

    include: tuple[RegionShape, ...] = Field(
        (), description="look only inside these rectangles and polygons"
    )
    exclude: tuple[RegionShape, ...] = Field(
        (), description="never look inside these rectangles and polygons"
    )
    mask: Annotated[str, FromFile(("data:",))] = Field(
        "",
        description="a picture that is white where to look and black elsewhere, stretched over the "
        "frame",
        json_schema_extra=LATER,
    )

    @field_validator("mask", mode="before")
    @classmethod
    def _mask(cls, value: Any) -> str:
        return mask_uri(value)

    def identity(self) -> dict[str, Any]:
        """Return what of it is part of a hash: of a mask, its pixels only."""
        dump = self.model_dump(mode="json", exclude=unhashed(self))
        return dump | ({"mask": mask_digest(self.mask)} if self.mask else {})


class Events(Section):
    """How candidates become events."""

    merge_seconds: float = Field(
        0.25, ge=0, description="accepted candidates closer than this become one event"
    )
    pre_seconds: float = Field(1.0, ge=0, description="lead-in of an event's clip")
    post_seconds: float = Field(2.0, ge=0, description="run-out of an event's clip")
    min_seconds: float = Field(0.0, ge=0, description="shorter events are dropped")
    max_seconds: float | None = Field(None, gt=0, description="longer events are dropped")


class Limits(Section):
    """Caps that keep hostile or broken files from taking the machine."""

    max_megapixels: float = Field(200.0, gt=0, description="a larger picture is refused unread")
    max_frames: int = Field(50_000_000, ge=1, description="a longer video is refused")
    stall_seconds: float = Field(
        60.0, gt=0, description="a decoder that gives nothing for so long is stopped"
    )
    memory_mib: int = Field(4096, ge=256, description="address space a decoding process may take")
    damage_mib: int = Field(
        1024,
        ge=1,
        description="how far the next packet is searched for in a damaged file; behind a longer "
        "stretch without any, the rest is not read",
    )


class Run(Section):
    """How the work is done; none of it changes a result."""

    batch_size: int = Field(
        128, ge=1, le=4096, description="frames of a microbatch: the unit of commit and of progress"
    )
    parallel: int = Field(
        0, ge=0, description="videos at once; 0 takes one a core while as many wait, 16 at most"
    )
    decode_threads: int = Field(
        0, ge=0, description="threads of one decoder; 0 shares the cores, and two more"
    )


class Output(Section):
    """What a scan writes besides the library."""

    formats: tuple[str, ...] = Field(
        ("json", "csv"), description="files per source written into the folder given with --out"
    )
    thumbnails: bool = Field(
        False,
        description="make small pictures of the events during the scan, not when they are first "
        "exported or looked at; in busy footage this decodes everything twice",
    )
    thumbnail_pixels: int = Field(320, ge=32, le=2048, description="longest side of a thumbnail")
