"""Images that the `coco` export names, opened as its documentation says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import SourceError
from core.protocol.addresses import frame_address, split_frame_address
from core.sources.frame_address import open_frame
from core.text import file_uri


def test_addresses_are_read_back(tmp_path: Path) -> None:
    for path in ("/a/b.mp4", "/a/#frame=3", "file:///a/%23.mp4", "/a/b.mp4#frame=1#frame=2"):
        for frame, stream in ((0, None), (123, None), (7, 2)):
            assert split_frame_address(frame_address(path, frame, stream)) == (path, frame, stream)
    for other in ("/a/b#frame=x", "/a/b#frame=", "/a/b#frame=1&stream=", "/a/b.mp4#frame=1 "):
        assert split_frame_address(other) == (other, None, None)
    named = tmp_path / "odd.png#frame=12"
    named.touch()
    assert split_frame_address(str(named)) == (str(named), None, None), "a file of that name"


def test_a_named_frame_is_that_frame(make_video: Callable[..., Path], tmp_path: Path) -> None:
    """The upper left corner of each frame shows twice its number."""
    path = make_video("a #1.mp4", frames=60, g="12")
    for address, seconds in (
        (frame_address(str(path), 37), None),
        (frame_address(str(path), 37), round(37 / 25, 6)),
        (frame_address(file_uri(str(path)), 37), 37 / 25),
    ):
        rgb = open_frame(address, seconds)
        assert rgb.shape == (120, 160, 3) and rgb.dtype == np.uint8
        assert abs(float(rgb[8:32, 8:32].mean()) - 74) < 1.0
    with pytest.raises(SourceError, match="no frame 60"):
        open_frame(frame_address(str(path), 60))
    Image.new("RGB", (9, 5), (200, 0, 0)).save(tmp_path / "one.png")
    picture = open_frame(str(tmp_path / "one.png"))
    assert picture.shape == (5, 9, 3) and (picture == (200, 0, 0)).all()
