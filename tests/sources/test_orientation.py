"""All eight display matrices, and angles in between: luma, pictures, sizes and clips."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.config.screening_settings import Sampling
from core.records import ColourBatch
from core.sources.orientation import AS_STORED, Orientation, orientation
from core.sources.reader import Reader
from tests.sources.footage import write_video
from tests.sources.reading import read

EIGHT = [(degrees, mirror, False) for degrees in (0, 90, 180, 270) for mirror in (False, True)]


def corner_scene() -> NDArray[np.uint8]:
    """White in the top left corner, gray in the top right one, dark elsewhere."""
    pixels = np.full((48, 96, 3), 20, np.uint8)
    pixels[:16, :32] = 255
    pixels[:16, 64:] = 130
    return pixels


def as_shown(stored: NDArray[Any], matrix: NDArray[np.int64]) -> NDArray[Any]:
    """Move every pixel to where the display matrix puts its centre: the definition itself."""
    height, width = stored.shape[:2]
    rows, columns = np.mgrid[:height, :width] + 0.5
    a, b, _, c, d = matrix[:5] / 65536
    x, y = a * columns + c * rows, b * columns + d * rows
    x, y = np.floor(x - x.min() + 0.5), np.floor(y - y.min() + 0.5)
    shown = np.zeros((int(y.max()) + 1, int(x.max()) + 1, *stored.shape[2:]), stored.dtype)
    shown[y.astype(int), x.astype(int)] = stored
    return shown


def first_frame(path: Path) -> Any:
    import av

    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def matrix_of(path: Path) -> NDArray[np.int64]:
    data = first_frame(path).side_data.get("DISPLAYMATRIX")
    plain = np.array([65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30], np.int64)
    return plain if data is None else np.frombuffer(bytes(data), np.int32).astype(np.int64)


def test_eight_orientations(reader: Reader, tmp_path: Path) -> None:
    stored = corner_scene()
    seen = set()
    for degrees, left_right, up_down in EIGHT:
        name = f"{degrees}{left_right}.mp4"
        path = write_video(tmp_path / name, [stored] * 3, turned=(degrees, left_right, up_down))
        true = as_shown(stored, matrix_of(path))[..., 0].astype(float)
        seen.add(true.tobytes())
        info = reader.probe(str(path)).info
        assert (info.height, info.width) == true.shape, name
        luma = read(reader, path, Sampling()).luma[0]
        assert luma.shape == true.shape
        assert np.corrcoef(luma.ravel(), true.ravel())[0, 1] > 0.99, name
        still = next(reader.stills(info, [0.0], 4096))
        with Image.open(io.BytesIO(still.jpeg)) as image:
            assert np.abs(np.asarray(image.convert("L"), float) - true).mean() < 6, name
        _, shown = next(reader.shown(info, [0.0], 0))
        assert np.abs(shown[..., 0] - true).mean() < 6, name
        out = tmp_path / f"clip-{name}"
        reader.clip(str(path), 0.0, 1.0, str(out))
        frame = first_frame(out).to_ndarray(format="gray").astype(float)
        clip = as_shown(frame, matrix_of(out))
        assert np.corrcoef(clip.ravel(), true.ravel())[0, 1] > 0.99, name
        # Few players mirror: a clip never asks them to.
        assert not orientation(first_frame(out)).mirrored
    assert len(seen) == 8


def test_models_see_mirrored_frames_alike(reader: Reader, tmp_path: Path) -> None:
    path = write_video(tmp_path / "m.mp4", [corner_scene()] * 8, turned=(0, True, False))
    info = reader.probe(str(path)).info
    assert info.pixels
    assert info.metadata["mirrored"] == "yes"
    _, later = next(reader.shown(info, [0.0], 0))
    items = list(reader.colour(str(path), Sampling(mode="fps", fps=5.0), 4, 0))
    batch = next(item for item in items if isinstance(item, ColourBatch))
    assert np.array_equal(batch.rgb[0], later)
    assert later[8, 80].mean() > 230
    assert later[8, 8].mean() == pytest.approx(130, abs=12)


def test_angles_in_between_go_to_the_nearest(reader: Reader, tmp_path: Path) -> None:
    class Frame:
        def __init__(self, *matrix: float) -> None:
            whole = [round(value * 65536) for value in matrix]
            values = np.array([*whole[:2], 0, *whole[2:], 0, 0, 0, 1 << 30], np.int32)
            self.side_data = {"DISPLAYMATRIX": values.tobytes()}

    def at(degrees: float, sign: int = 1) -> Orientation:
        turn = np.radians(degrees)
        one = np.cos(turn), np.sin(turn), -sign * np.sin(turn), sign * np.cos(turn)
        return orientation(Frame(*one))  # type: ignore[arg-type]

    for off in (-40, -0.02, 0, 0.02, 40):
        assert at(off) == AS_STORED
        assert at(90 + off) == Orientation(True, True, False)
        assert at(180 + off) == Orientation(False, True, True)
        assert at(-90 + off) == Orientation(True, False, True)
        assert at(off, -1) == Orientation(False, False, True)
    assert orientation(Frame(0, 0, 0, 0)) == AS_STORED  # type: ignore[arg-type]
    path = write_video(tmp_path / "tilted.mp4", [corner_scene()] * 2, turned=(30, False, False))
    info = reader.probe(str(path)).info
    assert (info.width, info.height, info.rotation_degrees) == (96, 48, 0)
    assert any("shown turned by 0" in warning for warning in info.warnings)


def test_rotation_and_mirror_make_the_orientation() -> None:
    for transposed in (False, True):
        for flip_x in (False, True):
            for flip_y in (False, True):
                one = Orientation(transposed, flip_x, flip_y)
                pixels = np.arange(6).reshape(2, 3)
                first = pixels[:, ::-1] if one.mirrored else pixels
                assert not one.rotation.mirrored
                turned = np.rot90(first, one.degrees // 90 % 4)
                assert np.array_equal(one.apply(pixels), turned)
                assert np.array_equal(one.rotation.apply(first), turned)
