"""Finding strokes against DVR-Scan and PySceneDetect: the same clip, in turn, whole processes.

The rivals run as their own manuals say for finding events: DVR-Scan in scan-only mode with its
defaults, PySceneDetect's content and adaptive detectors with a minimum scene length of one frame
(its default of 0.6 s would hide every short flash). They live in `.venv-rivals` (`make bench`).
A stroke counts as found when an event overlaps it, or a cut lies within 0.1 s of it.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from pathlib import Path

from benchmarks.footage import storm_1080p
from benchmarks.measure import ROOT, SIGHTLINE, Taken, in_turn, medians, table
from core.synthetic.storm import demo_scene, truth

RUNS = 2
SECONDS = 60
TOLERANCE = 0.1
RIVALS = ROOT / ".venv-rivals" / "bin"
Stretch = tuple[float, float]


def main() -> None:
    """Print speed ratios and strokes found."""
    if not (RIVALS / "dvr-scan").is_file():
        print("the rivals are not installed; run: make bench")
        return
    clip = storm_1080p(SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        sides = {
            "sightline scan --profile storm": _sightline(clip, out),
            "dvr-scan --scan-only": [
                str(RIVALS / "dvr-scan"), "-i", str(clip), "-so", "-q", "--ignore-user-config",
            ],
            "scenedetect detect-content": _scenedetect(clip, out / "content", "detect-content"),
            "scenedetect detect-adaptive": _scenedetect(clip, out / "adaptive", "detect-adaptive"),
        }  # fmt: skip
        taken = dict(zip(sides, in_turn(list(sides.values()), RUNS), strict=True))
        found = {
            "sightline scan --profile storm": _ours(out),
            "dvr-scan --scan-only": _dvr(taken["dvr-scan --scan-only"][-1]),
            "scenedetect detect-content": _cuts(out / "content"),
            "scenedetect detect-adaptive": _cuts(out / "adaptive"),
        }
    _print(taken, found)


def _print(taken: dict[str, list[Taken]], found: dict[str, list[Stretch]]) -> None:
    strokes = _strokes()
    walls = {name: medians(runs).wall_seconds for name, runs in taken.items()}
    ours = next(iter(walls.values()))
    rows = []
    for name, runs in taken.items():
        hits = sum(any(_near(stroke, event) for event in found[name]) for stroke in strokes)
        right = sum(any(_near(stroke, event) for stroke in strokes) for event in found[name])
        total = len(found[name])
        rows.append(
            (name, walls[name], medians(runs).cpu_seconds, SECONDS * 30 / walls[name],
             walls[name] / ours, f"{hits} of {len(strokes)}", f"{right} of {total}")
        )  # fmt: skip
    table(
        (
            "side",
            "wall s",
            "CPU s",
            "frames/s",
            "our speed / theirs",
            "strokes found",
            "events right",
        ),
        rows,
    )


def _sightline(clip: Path, out: Path) -> list[str]:
    return [*SIGHTLINE, "--library", str(out / "library"), "--quiet", "scan", str(clip), "--redo",
            "--profile", "storm", "--set", "output.thumbnails=false",
            "--out", str(out / "ours"), "--format", "json"]  # fmt: skip


def _scenedetect(clip: Path, out: Path, detector: str) -> list[str]:
    out.mkdir()
    return [str(RIVALS / "scenedetect"), "-i", str(clip), "-o", str(out), "-m", "1",
            detector, "list-scenes", "-f", "scenes.csv", "-q", "-s"]  # fmt: skip


def _strokes() -> list[Stretch]:
    scene = demo_scene()
    length = scene.frames / 30
    events = truth(scene)
    times = []
    for turn in range(int(SECONDS / length) + 1):
        for event in events:
            # The clip shows the scene's frames at 30 a second, over and over.
            first = turn * length + event.first_frame / 30
            last = turn * length + event.last_frame / 30
            if last < SECONDS:
                times.append((first, last))
    return times


def _ours(out: Path) -> list[Stretch]:
    path = next((out / "ours").glob("storm*.json"))
    events = json.loads(path.read_text())["events"]
    return [(event["start_seconds"], event["end_seconds"]) for event in events]


def _dvr(taken: Taken) -> list[Stretch]:
    """Read DVR-Scan's list: start,end,start,end as timecodes."""
    times = [_seconds(code) for code in re.findall(r"\d+:\d\d:\d\d(?:\.\d+)?", taken.output)]
    return list(zip(times[::2], times[1::2], strict=True))


def _cuts(out: Path) -> list[Stretch]:
    with (out / "scenes.csv").open(newline="") as file:
        rows = [row for row in csv.reader(file) if row and row[0].isdigit()]
    # The first scene begins with the clip, not with a cut.
    return [(float(row[3]), float(row[3])) for row in rows[1:]]


def _near(stroke: Stretch, event: Stretch) -> bool:
    return stroke[0] - TOLERANCE <= event[1] and stroke[1] + TOLERANCE >= event[0]


def _seconds(code: str) -> float:
    hours, minutes, seconds = code.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


if __name__ == "__main__":
    main()
