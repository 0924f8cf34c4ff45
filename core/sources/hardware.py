"""Hardware decoding: which device decodes a video, or why none does.

FFmpeg's devices are used through PyAV's `HWAccel`; decoded frames come back to main memory, so
everything behind the decoder stays the same. Runs inside the reader process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.codec.hwaccel import HWAccel

SOFTWARE = "software"
TRIED = ("cuda", "videotoolbox", "vaapi", "qsv", "d3d11va")
"""devices that `auto` tries in this order; which of them exist depends on FFmpeg and the system"""
_COMMON_CODEC = "h264"
"""every kind of device decodes it: whether a device can be opened is tried with it"""


@dataclass(frozen=True, slots=True)
class Device:
    """A device as it was asked for (`cuda`, `cuda:1`, `vaapi:/dev/dri/renderD129`), or none.

    `why` says what is wrong with the one that was asked for.
    """

    name: str
    why: str = ""

    def accelerator(self) -> HWAccel | None:
        """Return what PyAV opens a file with; None for software."""
        return None if self.name == SOFTWARE else _accelerator(self.name)


@cache
def device(asked: str) -> Device:
    """Return the device for a value of `sampling.decoder`: a device is opened to try it."""
    if asked == SOFTWARE:
        return Device(SOFTWARE)
    if asked != "auto":
        why = _fault(asked)
        return Device(SOFTWARE, f"{asked} cannot be used here ({why})") if why else Device(asked)
    found = next((name for name in TRIED if not _fault(name)), None)
    return Device(found) if found else Device(SOFTWARE, "no device for decoding was found here")


def how_decoded(asked: Device, context: Any) -> tuple[str, str]:
    """Return (what decodes a stream, why it is not the device): software has no reason."""
    if asked.name == SOFTWARE:
        return SOFTWARE, asked.why
    if context.is_hwaccel:
        return asked.name, ""
    return SOFTWARE, f"{asked.name} does not decode {context.name} ({context.pix_fmt})"


def _accelerator(name: str) -> HWAccel:
    from av.codec.hwaccel import HWAccel

    kind, _, number = name.partition(":")
    return HWAccel(kind, number or None, allow_software_fallback=True)


def _fault(name: str) -> str:
    """Return why a device cannot be opened, or nothing."""
    import av
    from av.codec.hwaccel import hwdevices_available

    kind = name.partition(":")[0]
    if kind not in hwdevices_available():
        return f"FFmpeg was built without {kind}"
    try:
        _accelerator(name).create(av.Codec(_COMMON_CODEC, "r"))
    except (OSError, ValueError, NotImplementedError, RuntimeError) as error:
        return str(getattr(error, "strerror", None) or error).strip().lower()
    return ""
