"""What HDR video says of the display it was made on, handed on to an encoder."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import VideoFrame

_QUIET = "log-level=none"
# AVMasteringDisplayMetadata (libavutil/mastering_display_metadata.h): ten fractions of two int32
# (x and y of red, green, blue and white, least and most luminance), then two flags.
_DISPLAY = struct.Struct("=22i")
_LIGHT = struct.Struct("=2I")


def x265_parameters(frame: VideoFrame) -> str:
    """Return parameters for x265: the mastering display and the light level, where stated."""
    said = [_QUIET]
    display: Any = frame.side_data.get("MASTERING_DISPLAY_METADATA")
    if display is not None and (text := _mastering_display(bytes(display))):
        said.append(f"master-display={text}")
    light: Any = frame.side_data.get("CONTENT_LIGHT_LEVEL")
    if light is not None and len(bytes(light)) >= _LIGHT.size:
        most, mean = _LIGHT.unpack_from(bytes(light))
        said.append(f"max-cll={min(most, 65535)},{min(mean, 65535)}")
    return ":".join(said)


def _mastering_display(data: bytes) -> str:
    if len(data) < _DISPLAY.size:
        return ""
    *numbers, has_primaries, has_luminance = _DISPLAY.unpack_from(data)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not has_primaries or not has_luminance or any(under <= 0 for _, under in pairs):
        return ""
    # x265 counts chromaticities in 1/50,000 and luminance in 1/10,000 cd/m2.
    places = [round(over / under * 50_000) for over, under in pairs[:8]]
    least, most = (round(over / under * 10_000) for over, under in pairs[8:])
    red, green, blue, white = (f"({places[n]},{places[n + 1]})" for n in range(0, 8, 2))
    return f"G{green}B{blue}R{red}WP{white}L({most},{least})"
