"""How a video's stored frames are presented: their shape, which way up, and in which colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .aspect import SQUARE, believed, display_size, pixel_aspect, stated_aspect
from .colour_tags import Reading, reading
from .orientation import Orientation, orientation

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream

_MOST_OFF_DEGREES = 1


@dataclass(frozen=True, slots=True)
class Presentation:
    """Size in square pixels, upright, and what is done to come there.

    `pixels` is empty where frames are shown as FFmpeg's plain conversion gives them, turned by
    multiples of 90 degrees: what was said about them before any of this was done still holds.
    """

    width: int
    height: int
    rotation_degrees: int
    pixels: str
    facts: dict[str, str]
    warnings: tuple[str, ...]


def presentation(video: VideoStream, frame: VideoFrame) -> Presentation:
    """Return how the frames of a stream are presented, going by one of them."""
    aspect, turned, how = pixel_aspect(video), orientation(frame), reading(frame)
    width, height = turned.size(*display_size(frame.width, frame.height, aspect))
    done = [how.identity, *_unlike_rotation(frame, turned)]
    if aspect != SQUARE:
        done.append(f"pixels {aspect.numerator}:{aspect.denominator}")
    return Presentation(
        width,
        height,
        turned.degrees,
        "; ".join(filter(None, done)),
        _facts(video, turned, how),
        tuple(_warnings(video, frame, turned, how)),
    )


def _unlike_rotation(frame: VideoFrame, turned: Orientation) -> list[str]:
    """Return the orientation where it is another than the angle alone used to give."""
    by_angle = (-180, -90, 0, 90)[(frame.rotation // 90 + 2) % 4]
    if turned.mirrored or turned.degrees != by_angle:
        return [f"turned {turned.degrees}{', mirrored' if turned.mirrored else ''}"]
    return []


def _facts(video: VideoStream, turned: Orientation, how: Reading) -> dict[str, str]:
    facts = {}
    if (stated := stated_aspect(video)) != SQUARE:
        facts["pixel_aspect"] = str(stated)
    if turned.mirrored:
        facts["mirrored"] = "yes"
    if how.transfer != "sdr":
        facts["transfer"] = how.transfer.upper()
    return facts


def _warnings(
    video: VideoStream, frame: VideoFrame, turned: Orientation, how: Reading
) -> list[str]:
    said = []
    stated = stated_aspect(video)
    if not believed(stated):
        said.append(f"states pixels of {stated.numerator}:{stated.denominator}; treated as square")
    if how.unknown:
        said.append(f"{how.unknown} is not converted; colours are shown as they are stored")
    off = abs((frame.rotation - turned.degrees + 180) % 360 - 180)
    if not turned.mirrored and off > _MOST_OFF_DEGREES:
        said.append(
            f"is to be turned by {frame.rotation} degrees; shown turned by {turned.degrees}"
        )
    return said
