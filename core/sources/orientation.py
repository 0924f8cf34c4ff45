"""Which way up a video's frames are shown: the display matrix, mirrored or not.

PyAV's `frame.rotation` gives the angle only, so the matrix itself is read. Its layout is FFmpeg's
(libavutil/display.h): nine 32-bit integers a b u, c d v, x y w, of which a to d are 16.16 fixed
point; the stored pixel (p, q) is shown at (a p + c q + x, b p + d q + y).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame

_ONE = 1 << 16
_ONE_OF_W = 1 << 30
# PyAV gives half a turn as -180.
_DEGREES = {(False, False): 0, (True, True): -180}
_DEGREES_TRANSPOSED = {(True, False): -90, (False, True): 90}


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels become the picture: transposed first, then flipped. One of eight."""

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def mirrored(self) -> bool:
        """Return whether no rotation alone does it."""
        return (self.transposed + self.flip_x + self.flip_y) % 2 == 1

    @property
    def rotation(self) -> Orientation:
        """Return what is left to do once a mirrored one's stored rows were reversed."""
        if not self.mirrored:
            return self
        along, across = self.flip_x, self.flip_y
        if self.transposed:
            return Orientation(True, along, not across)
        return Orientation(False, not along, across)

    @property
    def degrees(self) -> int:
        """Return the rotation, counterclockwise as PyAV gives it: -180, -90, 0 or 90."""
        turned = self.rotation
        degrees = _DEGREES_TRANSPOSED if turned.transposed else _DEGREES
        return degrees[turned.flip_x, turned.flip_y]

    @property
    def matrix(self) -> tuple[int, ...]:
        """Return its display matrix, nine integers."""
        right, down = (-_ONE if self.flip_x else _ONE), (-_ONE if self.flip_y else _ONE)
        if self.transposed:
            return (0, down, 0, right, 0, 0, 0, 0, _ONE_OF_W)
        return (right, 0, 0, 0, down, 0, 0, 0, _ONE_OF_W)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) of the picture from those of the stored frame."""
        return (height, width) if self.transposed else (width, height)

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return stored pixels (height, width, ...) as the picture; a view where it can be."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        if self.flip_x:
            pixels = pixels[:, ::-1]
        return pixels[::-1] if self.flip_y else pixels


AS_STORED = Orientation()


def orientation(frame: VideoFrame) -> Orientation:
    """Return how a decoded frame is shown."""
    if not frame.side_data:
        return AS_STORED
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    return AS_STORED if data is None else _nearest(bytes(data))


class StreamOrientation:
    """The orientation of one stream's frames.

    Reading a frame's side data makes PyAV keep the frame until garbage is collected: hundreds
    of frames. So it is read of the first frame, and again only where the rotation changes.
    """

    def __init__(self) -> None:
        self._rotation: int | None = None
        self._found = AS_STORED

    def of(self, frame: VideoFrame) -> Orientation:
        """Return how the next frame is shown."""
        if frame.rotation != self._rotation:
            self._rotation, self._found = frame.rotation, orientation(frame)
        return self._found


@lru_cache(maxsize=16)
def _nearest(matrix: bytes) -> Orientation:
    """Return the orientation nearest to a matrix: an angle in between goes to the nearer one.

    Scale and position are left out, and a matrix without any direction changes nothing.
    """
    values = np.frombuffer(matrix, np.int32)
    if len(values) < 5:
        return AS_STORED
    a, b, c, d = (float(values[n]) for n in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(True, c < 0, b < 0)
    # A half-empty matrix (an axis of 0) is taken as the rest of it says.
    return Orientation(False, a < 0, d < 0)
