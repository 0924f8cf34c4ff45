"""The sound of a clip: every track of the source, copied where MP4 can hold it, else as AAC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from .clip_stretch import ClipRange
from .video import Stream

COPYABLE = frozenset(("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"))
"""sound that players expect in MP4"""
PREROLL_SECONDS = 0.1
"""Sound before the first frame that decoders need to start (Opus: 80 ms); it is hidden."""
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
BITS_PER_CHANNEL = 96_000
MOST_CHANNELS = 8


class _SoundTrack(Protocol):
    """One track that is written: packets of its source go in, at times of the clip."""

    def add(self, packet: Any, seconds: float, shift: float) -> None:
        """Take a packet that begins at `seconds` of the clip, `shift` after its own time."""

    def finish(self) -> None:
        """Write what is buffered."""


@dataclass
class SoundTracks:
    """All tracks of a clip. Packets may come in any order of tracks, each track's in its own."""

    origin_seconds: float
    """the container's time that is 0 in the clip"""
    length_seconds: float
    tracks: dict[int, _SoundTrack] = field(default_factory=dict)
    sources: list[Any] = field(default_factory=list)

    def add(self, packet: Any, correction_seconds: float = 0.0) -> None:
        """Write a packet if it sounds during the clip, its time moved by `correction_seconds`."""
        track = self.tracks.get(packet.stream.index)
        stamp = packet.pts if packet.pts is not None else packet.dts
        if track is None or stamp is None or not packet.size:
            return
        base = float(packet.time_base)
        shift = correction_seconds - self.origin_seconds
        seconds = stamp * base + shift
        ends = seconds + (packet.duration or 0) * base
        if ends > -PREROLL_SECONDS and seconds < self.length_seconds:
            track.add(packet, seconds, shift)

    def finish(self) -> None:
        """Write what encoders hold back."""
        for track in self.tracks.values():
            track.finish()


def open_series(stream: Stream, target: Any, stretch: ClipRange, notes: list[str]) -> SoundTracks:
    """Add the sound tracks of an open video to a clip's file; `notes` gets those left out."""
    step = float(1 / (stream.video.average_rate or 25))
    length = stretch.last_seconds - stretch.first_seconds + step
    made = SoundTracks(stream.origin_seconds + stretch.first_seconds, length)
    for number, source in enumerate(stream.container.streams.audio, 1):
        track = _track(source, target)
        if track is None:
            notes.append(f"sound track {number} is omitted, it cannot be decoded")
            continue
        made.tracks[source.index] = track
        made.sources.append(source)
    return made


def _track(source: Any, target: Any) -> _SoundTrack | None:
    context = source.codec_context
    if context is None or not context.sample_rate or not context.layout.nb_channels:
        return None
    name = context.codec.canonical_name
    track = _Copied(source, target) if name in COPYABLE else _Encoded(source, target)
    if source.language:
        track.stream.metadata["language"] = source.language
    return track


class _Copied:
    def __init__(self, source: Any, target: Any) -> None:
        self.stream = target.add_stream_from_template(source, opaque=True)
        self._target = target
        self._last: int | None = None

    def add(self, packet: Any, _seconds: float, shift: float) -> None:
        ticks = round(shift / float(packet.time_base))
        stamp = packet.pts if packet.pts is not None else packet.dts
        # MP4 holds no sound that goes back in time, as damaged files have it.
        if self._last is not None and stamp + ticks <= self._last:
            return
        self._last = packet.pts = packet.dts = stamp + ticks
        packet.stream = self.stream
        self._target.mux_one(packet)

    def finish(self) -> None:
        """Hold nothing back, write nothing."""


class _Encoded:
    """Sound in AAC. A packet that cannot be decoded is silence."""

    def __init__(self, source: Any, target: Any) -> None:
        import av

        rate = _nearest_rate(source.codec_context.sample_rate)
        layout = source.codec_context.layout
        layout = layout.name if layout.nb_channels <= MOST_CHANNELS else "stereo"
        self.stream = target.add_stream("aac", rate=rate, layout=layout)
        self.stream.bit_rate = BITS_PER_CHANNEL * self.stream.codec_context.layout.nb_channels
        self._source, self._target, self._rate = source, target, rate
        self._resampler = av.AudioResampler("fltp", layout, rate, 1024)
        self._shift = 0.0
        self._begun = False
        self._ends: int | None = None

    def add(self, packet: Any, _seconds: float, shift: float) -> None:
        import av

        self._shift = shift
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            return
        for frame in frames:
            self._encode(frame)

    def _encode(self, frame: Any) -> None:
        from fractions import Fraction

        if frame.pts is None or not frame.time_base:
            return
        seconds = float(frame.pts * frame.time_base) + self._shift
        begins = round(seconds * frame.rate)
        # Where the sound of a joined recording outlasts its picture, the next one's overlaps it.
        if self._ends is not None and begins + frame.samples <= self._ends:
            return
        frame.pts, frame.time_base = max(begins, self._ends or begins), Fraction(1, frame.rate)
        self._ends = frame.pts + frame.samples
        try:
            frames = self._resampler.resample(frame)
        except ValueError:  # its layout or rate changed midway
            return
        self._begun = True
        self._write(frames)

    def _write(self, frames: list[Any]) -> None:
        for frame in frames:
            self._target.mux(self.stream.encode(frame))

    def finish(self) -> None:
        """Encode the rest; a track that is silent throughout the clip stays empty."""
        if self._begun:
            self._write(self._resampler.resample(None))
            self._target.mux(self.stream.encode(None))


def _nearest_rate(rate: int) -> int:
    """Return the sample rate of AAC that loses nothing, or the highest."""
    return min((each for each in AAC_RATES if each >= rate), default=AAC_RATES[0])
