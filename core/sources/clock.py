"""One ascending clock for every reader of times: what packets say, repaired where it breaks.

Packets are repaired before they are decoded, in the order of the file. So frames, surveys,
keyframes, stills and clips all live on the same clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JUMP_BACK_SECONDS = 0.5
"""Decoding times that go back by more than this are a recording that was joined or restarted."""
JUMP_BACK_SECONDS_IN_STREAMS = 0.1
"""The same in a container whose decoding times always rise within one recording."""
JUMP_FORWARD_SECONDS = 10.0
"""In a container without a timeline of its own, a longer step is another recording's clock.

FFmpeg's own programs draw the line there (`-dts_delta_threshold`, 10 s, doc/ffmpeg.texi)."""
LONGEST_STEP_SECONDS = 1.0
MIN_STEP_SECONDS = 1e-6
"""What keeps two frames with the same time stamp apart."""
STREAM_FORMATS = frozenset(("mpegts", "mpeg", "pva", "dhav"))
"""containers made for broadcasting and recorders: a running clock, and no timeline of the file"""


class PacketClock:
    """Moves the time stamps of packets along where the clock of a file restarts.

    A new start is another recording that was joined: it continues where the one before ended. In
    containers with a timeline of their own only steps back are repaired: a pause is kept.
    """

    def __init__(self, time_base: Any, container: str, step_seconds: float) -> None:
        """`time_base` is the seconds of one tick, `step_seconds` the usual time of a frame."""
        self._tick = float(time_base or 1)
        self._streaming = streaming = container in STREAM_FORMATS
        back = JUMP_BACK_SECONDS_IN_STREAMS if streaming else JUMP_BACK_SECONDS
        self._back = round(back / self._tick)
        self._forward = round(JUMP_FORWARD_SECONDS / self._tick) if streaming else None
        self._usual = max(round(step_seconds / self._tick), 1)
        self._step = 0
        self._delay = 0
        self._last: int | None = None
        self._shift = 0
        self._latest: int | None = None
        self._end = 0
        self.joined_at: tuple[float, ...] = ()
        """where recordings were joined, in repaired seconds of the stream's clock"""

    def correct(self, packet: Any) -> None:
        """Correct a time of showing that is far from the time of decoding, or the reverse.

        FFmpeg takes one that a stream leaves out from the packets around it, which where recordings
        were joined are another's. A recording begins with a keyframe: what that one says is new.
        """
        if packet.pts is None or packet.dts is None or self._forward is None:
            return
        if 0 <= packet.pts - packet.dts <= self._forward:
            self._delay = packet.pts - packet.dts
        elif packet.is_keyframe:
            packet.dts = packet.pts
        else:
            packet.pts = packet.dts + self._delay

    def starts_anew(self, packet: Any) -> bool:
        """Return whether the clock jumps at the next packet of the file."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or self._last is None:
            return False
        step = stamp - self._last
        return step < -self._back or (self._forward is not None and step > self._forward)

    def repair(self, packet: Any, following: Sequence[Any] = ()) -> None:
        """Give one packet its repaired time stamps; to be called in the order of the file.

        Where the clock restarts, `following` are the next packets: pictures before a first
        keyframe come after it in the file.
        """
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            return
        if self.starts_anew(packet):
            self._join(packet, stamp, following)
        elif (
            self._last is not None and 0 < (stamp - self._last) * self._tick <= LONGEST_STEP_SECONDS
        ):
            self._step = stamp - self._last
        self._last = stamp
        if self._shift:
            packet.dts = None if packet.dts is None else packet.dts + self._shift
            packet.pts = None if packet.pts is None else packet.pts + self._shift
        shown = packet.pts if packet.pts is not None else packet.dts
        end = shown + self._lasts(packet)
        self._end = end if self._latest is None else max(self._end, end)
        self._latest = shown if self._latest is None else max(self._latest, shown)

    @property
    def end_seconds(self) -> float | None:
        """Return when the last frame read ends, in seconds of the stream's clock."""
        return None if self._latest is None else self._end * self._tick

    def _lasts(self, packet: Any) -> int:
        """Return the ticks a frame is shown; FFmpeg guesses them from the rate in streams."""
        said = int(packet.duration or 0)
        return self._steady() if self._streaming or said <= 0 else said

    def _join(self, packet: Any, stamp: int, following: Sequence[Any]) -> None:
        assert self._latest is not None
        begins = stamp if packet.pts is None else packet.pts
        for each in following:
            if each.pts is not None and (each.dts is None or each.dts >= stamp):
                begins = min(begins, each.pts)
        self._shift = self._latest + self._steady() - begins
        self.joined_at = (*self.joined_at, (begins + self._shift) * self._tick)

    def _steady(self) -> int:
        return self._step or self._usual


class FrameClock:
    """Turns time stamps of decoded frames into ascending seconds.

    A frame without a time stamp follows the last one that has one at the stream's rate. A late
    frame, which a decoder gives out after its successors where packets were lost, is kept a hair
    after its predecessor: the frames after it are right.
    """

    def __init__(self, to_seconds: Any, step_seconds: float) -> None:
        self._to_seconds = to_seconds
        self._step = step_seconds
        self._last: float | None = None
        self._base = 0.0
        self._untimed = 0

    def seconds(self, pts: int | None) -> float:
        """Return the time of the next frame."""
        if pts is None:
            seconds = self._base + self._untimed * self._step
            self._untimed += 1
        else:
            seconds = self._to_seconds(pts)
            self._base, self._untimed = seconds, 1
        if self._last is not None and seconds <= self._last:
            seconds = self._last + MIN_STEP_SECONDS
        self._last = seconds
        return seconds
