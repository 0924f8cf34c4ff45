"""What the tests of this folder share: the media folder, and reading a video whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.config.screening_settings import Sampling
from core.records import LumaBatch
from core.sources.outcome import ReaderChosen, VideoEnd
from core.sources.reader import Reader

REPOSITORY = Path(__file__).parent.parent.parent
MEDIA = Path(os.environ.get("SIGHTLINE_MEDIA", REPOSITORY.parent / "shared" / "media"))

needs_media = [
    pytest.mark.media,
    pytest.mark.skipif(not MEDIA.is_dir(), reason="no media folder; set SIGHTLINE_MEDIA"),
]


def files_under(folder: str, *without: str) -> list[Path]:
    """Return the media files under a folder, those with an ending in `without` left out."""
    found = sorted(path for path in (MEDIA / folder).rglob("*") if path.is_file())
    return [path for path in found if path.suffix not in without and path.suffix]


def named(path: Path) -> str:
    return path.name


@dataclass(frozen=True)
class Read:
    indices: list[int]
    seconds: list[float]
    luma: list[NDArray[np.uint8]]
    chosen: ReaderChosen
    end: VideoEnd

    def tail(self, skip: int) -> tuple[list[int], list[float]]:
        return self.indices[skip:], self.seconds[skip:]


def read(reader: Reader, path: Path, sampling: Sampling, skip: int = 0, at: float = 0.0) -> Read:
    chosen, end = ReaderChosen("", ""), None
    indices: list[int] = []
    seconds: list[float] = []
    luma: list[NDArray[np.uint8]] = []
    for item in reader.video(str(path), sampling, 32, skip, at):
        if isinstance(item, LumaBatch):
            indices += item.indices.tolist()
            seconds += item.pts_seconds.tolist()
            luma += list(item.luma)
        elif isinstance(item, VideoEnd):
            end = item
        else:
            chosen = item
    assert end is not None
    assert end.frames == len(indices)
    return Read(indices, seconds, luma, chosen, end)


def assert_tail(whole: Read, skip: int, got: Read) -> None:
    """Assert that what was read after skipping is what a whole read gives, pixel for pixel."""
    assert (got.indices, got.seconds) == whole.tail(skip)
    for index, ours, theirs in zip(got.indices, got.luma, whole.luma[skip:], strict=True):
        assert np.array_equal(ours, theirs), f"other pixels in frame {index}"
