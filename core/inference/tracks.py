"""Which boxes of consecutive frames are the same thing.

Greedy matching by intersection over union, best pair first, of boxes with one label (as in A.
Bewley et al., "Simple online and realtime tracking", ICIP 2016, without the motion model). A thing
unseen for `LOST_SECONDS` is another thing when it comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..records import Box
from .detect import iou

SAME_IOU = 0.3
LOST_SECONDS = 2.0


@dataclass
class _Track:
    number: int
    box: Box
    seconds: float


def track(frames: Sequence[tuple[float, Sequence[Box]]]) -> list[list[int]]:
    """Return for each frame (seconds, boxes), in order of time, the number of each box's track."""
    tracks: list[_Track] = []
    numbers: list[list[int]] = []
    count = 0
    for seconds, boxes in frames:
        tracks = [each for each in tracks if seconds - each.seconds <= LOST_SECONDS]
        matched = _matched(tracks, boxes)
        of_frame = []
        for index, box in enumerate(boxes):
            found = matched.get(index)
            if found is None:
                count += 1
                found = _Track(count, box, seconds)
                tracks.append(found)
            found.box, found.seconds = box, seconds
            of_frame.append(found.number)
        numbers.append(of_frame)
    return numbers


def _matched(tracks: list[_Track], boxes: Sequence[Box]) -> dict[int, _Track]:
    pairs = sorted(
        (
            (-iou(each.box, box), each.number, index)
            for each in tracks
            for index, box in enumerate(boxes)
            if each.box.label == box.label
        ),
    )
    by_number = {each.number: each for each in tracks}
    found: dict[int, _Track] = {}
    for negative, number, index in pairs:
        if -negative >= SAME_IOU and index not in found and number in by_number:
            found[index] = by_number.pop(number)
    return found
