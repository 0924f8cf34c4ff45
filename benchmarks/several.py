"""Several videos in one scan: all cores used, against one after another, and memory.

Clips are stretches of one drawn storm, copied without encoding. The share of the machine that was
idle counts everything that ran on it, not this scan alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import av
import psutil

from benchmarks.footage import storm_1080p
from benchmarks.measure import CACHE, SIGHTLINE, Taken, run, table

RUNS = 3
SECONDS = 60
CLIPS = (6, 3)
"""as many in one folder; lengths differ, since files of one length end together by chance"""


@dataclass(frozen=True, slots=True)
class _Run:
    taken: Taken
    idle: float


def main() -> None:
    """Print wall and CPU seconds, memory and idle cores, for folders of several clips."""
    cores = len(os.sched_getaffinity(0))
    rows = []
    for count in CLIPS:
        folder = clips(storm_1080p(SECONDS), count)
        with tempfile.TemporaryDirectory() as scratch:
            one, default = _in_turn(folder, scratch)
        rows += [_row(f"{count} clips, one at a time", one), _row(f"{count} clips", default)]
        ratios = sorted(
            a.taken.wall_seconds / b.taken.wall_seconds for a, b in zip(one, default, strict=True)
        )
        cpu = median(b.taken.cpu_seconds for b in default) / median(
            a.taken.cpu_seconds for a in one
        )
        print(
            f"{count} clips: {ratios[len(ratios) // 2]:.2f} times the speed, {cpu:.2f} of the CPU"
        )
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f}")
    table(("scan", "wall s", "CPU s", "peak MiB", "idle cores, share (wanted <= 0.10)"), rows)


def clips(source: Path, count: int) -> Path:
    """Return a folder of `count` stretches of a clip, the first twice as long as the others."""
    folder = CACHE / f"{source.stem}-{count}"
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    ends = [SECONDS * (number + 2) / (count + 1) for number in range(count)]
    with av.open(str(source)) as container:
        packets = list(_packets(container))
        for number, (first, last) in enumerate(zip([0.0, *ends], ends, strict=False)):
            wanted = [p for p in packets if first <= float(p.dts * p.time_base) < last]
            _write(folder / f"part-{number}.mp4", container.streams.video[0], wanted)
    return folder


def _packets(container: Any) -> Iterator[Any]:
    for packet in container.demux(video=0):
        if packet.dts is not None:
            yield packet


def _write(path: Path, template: Any, packets: Sequence[Any]) -> None:
    """Write packets from the first keyframe on."""
    start = next(number for number, packet in enumerate(packets) if packet.is_keyframe)
    with av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(template)
        base = packets[start].dts
        for packet in packets[start:]:
            packet.stream = stream
            packet.pts, packet.dts = packet.pts - base, packet.dts - base
            out.mux(packet)


def _in_turn(folder: Path, scratch: str) -> tuple[list[_Run], list[_Run]]:
    one, default = [], []
    for _ in range(RUNS):
        one.append(_scan(folder, scratch, "--set", "run.parallel=1"))
        default.append(_scan(folder, scratch))
    return one, default


def _scan(folder: Path, scratch: str, *options: str) -> _Run:
    before = psutil.cpu_times()
    library = ["--library", f"{scratch}/library", "--quiet"]
    taken = run([*SIGHTLINE, *library, "scan", str(folder), "--profile", "quick", "--redo",
                 "--no-ui", *options])  # fmt: skip
    after = psutil.cpu_times()
    idle = (after.idle - before.idle) / (os.cpu_count() or 1) / taken.wall_seconds
    return _Run(taken, idle)


def _row(name: str, runs: Sequence[_Run]) -> tuple[object, ...]:
    return (
        name,
        median(r.taken.wall_seconds for r in runs),
        median(r.taken.cpu_seconds for r in runs),
        max(r.taken.peak_mib for r in runs),
        median(r.idle for r in runs),
    )


if __name__ == "__main__":
    main()
