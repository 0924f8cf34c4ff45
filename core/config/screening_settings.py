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
    """Which frames of a video are processed. Pictures are always processed."""

    mode: Literal["every", "fps", "count", "keyframes"] = Field(
        "every",
        description="every: all frames; fps: frames per second; count: frames in total; "
        "keyframes: keyframes only",
    )
    fps: float = Field(2.0, gt=0, le=1000, description="frames per second with mode = 'fps'")
    count: int = Field(64, ge=1, description="frames in total, evenly spaced, with mode = 'count'")
    max_frames: int | None = Field(None, ge=1, description="maximum number of frames of a source")
    reader: Literal["auto", "pyav", "decord"] = Field(
        "auto",
        description="decoder of sampled frames; auto uses decord where it agrees with "
        "the container, else PyAV. Mode 'every' always uses PyAV",
    )
    stream: Literal["auto", "all"] | Annotated[int, Field(ge=0, le=99)] = Field(
        "auto",
        description="video stream to read: auto (the one players show), a number "
        "(0 is the first, as in FFmpeg), or 'all' of them",
    )
    raw_rate: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="frame rate of raw streams (.h264, .hevc), which have no timestamps; "
        "default: the stream's own rate, else 25",
    )
    loop_filter: Literal["full", "skip"] = Field(
        "full",
        description="skip omits deblocking (H.264, HEVC): less work, but pixels differ from the "
        "recording, and flashes can be missed",
    )
    decoder: str = Field(
        "software",
        description="software decodes on the CPU; auto uses a device that decodes, such as cuda, "
        "if there is one; or the name of an FFmpeg device, with its number or path (cuda:1, "
        "vaapi:/dev/dri/renderD129). Without that device, software decodes",
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
    """Regions to search: rectangles, polygons, a mask.

    A rectangle is [x, y, width, height], a polygon [[x, y], [x, y], [x, y], ...]: fractions of the
    frame if all its numbers are at most 1, otherwise pixels.
    """

    include: tuple[RegionShape, ...] = Field(
        (), description="search only inside these rectangles and polygons"
    )
    exclude: tuple[RegionShape, ...] = Field(
        (), description="do not search inside these rectangles and polygons"
    )
    mask: Annotated[str, FromFile(("data:",))] = Field(
        "",
        description="a picture, stretched over the frame: white where to search, black elsewhere",
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
    """How accepted candidates become events."""

    merge_seconds: float = Field(
        0.25, ge=0, description="accepted candidates closer than this are merged into one event"
    )
    pre_seconds: float = Field(1.0, ge=0, description="lead-in of an event's clip")
    post_seconds: float = Field(2.0, ge=0, description="run-out of an event's clip")
    min_seconds: float = Field(0.0, ge=0, description="shorter events are dropped")
    max_seconds: float | None = Field(None, gt=0, description="longer events are dropped")


class Limits(Section):
    """Limits that protect the machine from hostile or damaged files."""

    max_megapixels: float = Field(
        200.0,
        gt=0,
        description="maximum size of a picture; larger ones are refused before decoding",
    )
    max_frames: int = Field(50_000_000, ge=1, description="maximum length of a video in frames")
    stall_seconds: float = Field(
        60.0, gt=0, description="a decoder without output for this long is stopped"
    )
    memory_mib: int = Field(4096, ge=256, description="address space limit of a decoding process")
    damage_mib: int = Field(
        1024,
        ge=1,
        description="how far to search for the next packet in a damaged file; after a "
        "longer gap the rest is not read",
    )


class Run(Section):
    """How the work is done. These settings do not change results."""

    batch_size: int = Field(
        128,
        ge=1,
        le=4096,
        description="frames of a microbatch, the unit that is measured, "
        "stored and reported together",
    )
    parallel: int = Field(
        0,
        ge=0,
        description="videos processed in parallel; 0: one per core while as many wait, at most 16",
    )
    decode_threads: int = Field(
        0, ge=0, description="threads of one decoder; 0 divides the cores, plus two"
    )
    index: bool = Field(
        False,
        description="make the vectors of the stage embed searchable while the scan runs; "
        "`sightline index` sets it",
    )


class Output(Section):
    """What a scan writes in addition to the library."""

    formats: tuple[str, ...] = Field(
        ("json", "csv"), description="export formats written to the folder given with --out"
    )
    thumbnails: bool = Field(
        False,
        description="create thumbnails of events during the scan, not when first exported "
        "or viewed; in busy footage this decodes everything twice",
    )
    thumbnail_pixels: int = Field(320, ge=32, le=2048, description="longest side of a thumbnail")
