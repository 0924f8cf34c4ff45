"""Decoding in hardware beside software: wall time, CPU time, and whether the events agree."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Outcome, Setup, need
from benchmarks.measure import SIGHTLINE, Taken, run
from core.config.screening_settings import Sampling
from core.storage.library import Library

SECONDS, TURNS = 5, 12
"""a drawn clip of so many seconds, so many times over"""


def decoder(setup: Setup) -> Outcome:
    """Scan a clip with `sampling.decoder` software and with the device."""
    if "decoder" not in Sampling.model_fields:
        return Outcome(skipped="this version has no setting sampling.decoder")
    clip = _clip(setup)
    figures: dict[str, Any] = {}
    events: dict[str, int] = {}
    for name in ("software", "cuda" if setup.is_cuda else "auto"):
        library = setup.folder / f"decoder-{name}"
        taken = _scan(library, clip, name)
        events[name], by = _found(library)
        figures[name] = (
            f"{taken.wall_seconds:.3g} s, {taken.cpu_seconds:.3g} CPU s, {events[name]} events, "
            f"decoded by {by}"
        )
    same = len(set(events.values())) == 1
    on_device = setup.is_cuda and "decoded by cuda" in figures["cuda"]
    return Outcome(figures, "decoded on the GPU, the same events", same and on_device)


def _scan(library: Path, clip: Path, name: str) -> Taken:
    asked = ["--library", str(library), "--quiet", "scan", str(clip), "--profile", "quick"]
    return run([*SIGHTLINE, *asked, "--redo", "--set", f"sampling.decoder={name}"])


def _found(library: Path) -> tuple[int, str]:
    """Return how many events the newest scan found, and what decoded."""
    with closing(Library(library)) as opened:
        scan = max(each.id for each in opened.runs.all())
        (task,) = opened.runs.tasks(scan)
        need(task.content is not None, f"not scanned: {task.reason}")
        result = opened.results.get(str(task.content), opened.runs.get(scan).spec_hash)
        need(result is not None, "the scan kept no result")
        assert result is not None
        accepted = sum(candidate.accepted for candidate in result.candidates)
        return accepted, _decoded_by(result.provenance)


def _decoded_by(provenance: dict[str, Any]) -> str:
    """Return what decoded, and why it was not the device: without a word it was software."""
    fallback = provenance.get("fallback")
    found = str(provenance.get("decoder", "software"))
    return f"{found} ({fallback})" if fallback else found


def _clip(setup: Setup) -> Path:
    if setup.tiny:
        from core.synthetic.storm import Lightning, Scene, write

        path = setup.folder / "clip.mp4"
        bolt = (Lightning("bolt", 2, (50, 90), (0.2, 0.5)),)
        write(Scene("tiny", 5, 4.0, Fraction(25), 160, 90, lightning=bolt), path)
        return path
    from benchmarks.footage import storm_1080p

    return _repeated(storm_1080p(SECONDS), setup.folder / "clip.mp4", TURNS)


def _repeated(clip: Path, path: Path, turns: int) -> Path:
    """Write a clip several times over without encoding it again."""
    import av

    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.dts is not None]
        length = max(int(packet.pts or 0) + int(packet.duration or 0) for packet in packets)
        for turn in range(turns):
            for packet in packets:
                moved = av.Packet(bytes(packet))
                moved.pts = int(packet.pts or 0) + turn * length
                moved.dts = int(packet.dts or 0) + turn * length
                moved.duration, moved.time_base = packet.duration, packet.time_base
                moved.is_keyframe, moved.stream = packet.is_keyframe, copy
                target.mux(moved)
    return path
