"""What a frame's colour tags say, and what is assumed where they say nothing.

Numbers are those of ITU-T H.273, which FFmpeg uses too. An untagged picture of 720 rows or 1,280
columns and more is read as BT.709, a smaller one as BT.601: the convention of players (Chromium,
media/base/video_color_space.cc and media/ffmpeg, draws the line at 720 rows; mpv, GStreamer and VLC
draw theirs above 576). RGB is full range, whatever its tag says, as for FFmpeg's scaler and mpv.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .light import Primaries, Transfer

if TYPE_CHECKING:
    from av import VideoFrame

HD_ROWS, HD_COLUMNS = 720, 1280
BT709, UNTAGGED, BT2020 = 1, 2, 9
_MATRICES = {
    1: "ITU709",
    4: "FCC",
    5: "ITU601",
    6: "ITU601",
    7: "SMPTE240M",
    9: "BT2020",
    10: "BT2020",  # constant luminance: the same weights, close to it in all but saturated colours
}
"""FFmpeg's scaler's names of the matrices it can undo"""
_UNKNOWN_MATRICES = {
    8: "YCgCo",
    11: "SMPTE ST 2085",
    13: "chromaticity-derived constant luminance",
    14: "ICtCp",
    15: "IPT-C2 (Dolby Vision)",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}
_UNKNOWN_TRANSFERS = {8: "linear", 9: "logarithmic", 10: "logarithmic", 17: "SMPTE ST 428-1"}
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
_WIDE: dict[int, Primaries] = {9: "bt2020", 12: "p3"}
_DOLBY_VISION = ("DOVI_METADATA", "DOVI_RPU_BUFFER")
_OF_BT2020 = frozenset((14, 15, 16, 18))
"""transfers that BT.2020 and BT.2100 define"""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a frame's pixels become RGB for an ordinary screen.

    `matrix` is a name FFmpeg's scaler knows, empty for RGB; `unknown` names what is left as it is.
    """

    matrix: str
    transfer: Transfer = "sdr"
    primaries: Primaries = "bt709"
    deep: bool = False
    guessed: bool = False
    unknown: str = ""

    @property
    def in_light(self) -> bool:
        """Return whether pixels must be converted as light: HDR, or primaries of a wide gamut."""
        return self.transfer != "sdr" or self.primaries != "bt709"

    @property
    def identity(self) -> str:
        """Return what distinguishes these pixels from FFmpeg's plain conversion; empty: nothing."""
        if self.in_light:
            return f"{self.transfer}, {self.primaries}, {self.matrix}, to BT.709 by method 1"
        if self.guessed and self.matrix != "ITU601":
            return f"{self.matrix} by size"
        if self.unknown or self.deep or self.matrix == "BT2020":
            return f"{self.matrix or 'RGB'}, exact"
        return ""


def reading(frame: VideoFrame) -> Reading:
    """Return how a decoded frame is read."""
    layout = frame.format
    dolby = any(frame.side_data.get(name) is not None for name in _DOLBY_VISION)
    return _reading(
        layout.is_rgb or layout.has_palette,
        max(component.bits for component in layout.components) > 8,
        (int(frame.colorspace), int(frame.color_trc), int(frame.color_primaries)),
        (frame.width, frame.height),
        dolby,
    )


@lru_cache(maxsize=64)
def _reading(
    rgb: bool, deep: bool, tags: tuple[int, int, int], size: tuple[int, int], dolby: bool
) -> Reading:
    matrix, transfer, primaries = tags
    name = "" if rgb else _matrix(tags, size)
    guessed = not rgb and matrix not in _MATRICES
    unknown = _unknown(rgb, tags, dolby)
    if unknown:
        return Reading(name, deep=deep, guessed=guessed, unknown=unknown)
    curve: Transfer = _TRANSFERS.get(transfer, "sdr")
    # PQ and HLG are defined for the primaries of BT.2020 (BT.2100, table 2).
    stated = BT2020 if curve != "sdr" and primaries == UNTAGGED else primaries
    return Reading(name, curve, _WIDE.get(stated, "bt709"), deep, guessed)


def _matrix(tags: tuple[int, int, int], size: tuple[int, int]) -> str:
    matrix, transfer, primaries = tags
    if matrix in _MATRICES:
        return _MATRICES[matrix]
    if primaries == BT2020 or transfer in _OF_BT2020:
        return "BT2020"
    if matrix == 12 and primaries == BT709:
        return "ITU709"
    width, height = size
    return "ITU709" if height >= HD_ROWS or width >= HD_COLUMNS else "ITU601"


def _unknown(rgb: bool, tags: tuple[int, int, int], dolby: bool) -> str:
    matrix, transfer, _ = tags
    if not rgb and matrix in _UNKNOWN_MATRICES:
        return f"the colour matrix {_UNKNOWN_MATRICES[matrix]}"
    if transfer in _UNKNOWN_TRANSFERS:
        return f"the transfer function {_UNKNOWN_TRANSFERS[transfer]}"
    # Profile 5 has no base picture of its own: its tags are empty, and its matrix is in the RPU.
    if dolby and matrix == UNTAGGED and transfer == UNTAGGED:
        return "Dolby Vision, profile 5"
    return ""
