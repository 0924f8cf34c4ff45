"""Regions: rectangles, polygons and mask pictures, for screening and for what models see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from core.config.profiles import resolve
from core.config.region_shapes import URI, mask_bits
from core.config.screening_settings import Regions
from core.config.spec import Spec
from core.records import SourceInfo
from core.scans.results import region_warnings
from core.screening import cells
from core.sources.region_mask import blacked_out, cells_inside, clipped
from tests.models.vlm.faulty_server import FaultyServer
from tests.workbench import InProcess, accepted, as_luma, candidates, source, still_scene, texture

GRID, SIZE = (22, 40), (1280, 720)
LEFT_TRIANGLE = ((0.0, 0.0), (0.5, 0.0), (0.0, 1.0))


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    made.text = "Something."
    yield made
    made.close()


def mask_file(folder: Path, bits: np.ndarray[Any, Any], name: str = "mask.png") -> Path:
    Image.fromarray(bits.astype(np.uint8) * 255).save(folder / name)
    return folder / name


def regions(**given: Any) -> Regions:
    return Regions.model_validate(given)


def test_a_polygon_is_its_area_and_a_rectangle_written_as_one_the_same() -> None:
    white = np.full((360, 640, 3), 255, np.uint8)
    for size, corners in ((SIZE, LEFT_TRIANGLE), (SIZE, ((0, 0), (640, 0), (0, 720)))):
        seen = blacked_out(white, regions(include=[corners]), size)[..., 0] > 0
        assert seen.mean() == pytest.approx(0.25, abs=0.01)
        assert seen[5, 5] and not seen[355, 300] and not seen[5, 400]
        inside = cells_inside(regions(include=[corners]), GRID, size)
        assert 0.25 <= inside.mean() < 0.33 and inside[0, 0] and not inside[-1, -1]
    square = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
    one, other = (
        cells_inside(regions(exclude=[each]), (20, 40), SIZE)
        for each in (square, [0.25, 0.25, 0.5, 0.5])
    )
    assert (one != other).mean() < 0.2 and not other[10, 20] and not one[10, 20]


def test_a_mask_stretches_over_the_frame_and_joins_the_other_shapes(tmp_path: Path) -> None:
    half = np.zeros((90, 60), bool)
    half[:, :30] = True
    found = regions(mask=str(mask_file(tmp_path, half)), exclude=[(0.0, 0.0, 1.0, 0.5)])
    assert found.mask.startswith(URI)
    inside = cells_inside(found, GRID, SIZE)
    assert inside[-1, 0] and not inside[-1, -1] and not inside[0, 0]
    assert inside.mean() == pytest.approx(0.25, abs=0.02)
    seen = blacked_out(np.full((100, 200, 3), 9, np.uint8), found, SIZE)[..., 0]
    assert set(np.unique(seen)) == {0, 9} and (seen > 0).mean() == pytest.approx(0.25, abs=0.02)


def test_what_is_no_region_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    black = mask_file(tmp_path, np.zeros((8, 8), bool))
    wrong: list[dict[str, Any]] = [
        {"include": [[0, 0, 0, 1]]}, {"include": [[0, 0, 1]]}, {"include": [[-1, 0, 1, 1]]},
        {"include": [[[0, 0], [1, 1]]]}, {"exclude": [[[0, 0], [1, 1], [0.5, 0.5]]]},
        {"exclude": [[[0, 0], [1, float("nan")], [0, 1]]]},
        {"exclude": [[[0, 0, 0], [1, 0], [0, 1]]]}, {"include": ["0,0,1,1"]},
        {"mask": str(tmp_path / "none.png")},
        {"mask": str(tmp_path / "text.png")}, {"mask": str(black)}, {"mask": f"{URI}AAAA"},
    ]  # fmt: skip
    for given in wrong:
        with pytest.raises(ValidationError):
            regions(**given)


def test_transparent_is_black_and_a_large_mask_is_reduced(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (2000, 1000), (255, 255, 255, 0))
    picture.paste((255, 255, 255, 255), (0, 0, 1000, 1000))
    picture.save(tmp_path / "m.png")
    bits = mask_bits(regions(mask=str(tmp_path / "m.png")).mask)
    assert bits.shape == (256, 512) and bits[:, :255].all() and not bits[:, 257:].any()


def test_the_identity_is_the_mask_s_pixels_and_rectangles_keep_theirs(tmp_path: Path) -> None:
    half = np.arange(64).reshape(8, 8) < 32
    path = mask_file(tmp_path, half)
    bmp = mask_file(tmp_path, half, "mask.bmp")
    one, same = (Spec(regions={"mask": str(each)}) for each in (path, bmp))
    assert one.hash() == same.hash() != Spec().hash()
    assert "data:" not in json.dumps(one.what_matters())
    path.unlink()  # the spec holds the mask
    assert Spec(**json.loads(json.dumps(one.model_dump(mode="json")))).hash() == one.hash()
    rectangle = ((0.1, 0.2, 0.3, 0.4),)
    assert regions(include=rectangle).identity() == {
        "include": [[0.1, 0.2, 0.3, 0.4]],
        "exclude": [],
    }
    # Models saw whole frames once, so what was said then is not taken for the same.
    asking, screening = (
        Spec(stages=stages, regions={"include": rectangle}).what_matters()["regions"]
        for stages in (("caption",), ("flash",))
    )
    assert "models" in asking and "models" not in screening


def test_a_mask_is_meant_from_the_profile_s_folder(tmp_path: Path) -> None:
    mask_file(tmp_path, np.ones((8, 8), bool))
    (tmp_path / "p.toml").write_text('stages = ["flash"]\n[regions]\nmask = "mask.png"\n')
    assert resolve(str(tmp_path / "p.toml")).regions.mask.startswith(URI)


def test_flashes_outside_a_polygon_are_not_found() -> None:
    pixels = still_scene()
    pixels[75, :, 80:] += 60
    for include, count in ((LEFT_TRIANGLE, 0), (((0.5, 0.0), (1.0, 0.0), (1.0, 1.0)), 1)):
        spec = Spec(stages=("flash",), regions={"include": [include]})
        assert len(accepted(candidates("flash", as_luma(pixels), spec))) == count
    grid = cells.mask(regions(include=[LEFT_TRIANGLE]), GRID, *SIZE)
    assert grid is not None and grid.dtype == np.float32
    assert cells.mask(Regions(), GRID, *SIZE) is None


def test_the_region_of_an_event_stays_within_those_that_are_searched() -> None:
    size = (1000, 500)
    half = regions(include=[(0.0, 0.0, 0.505, 1.0)], exclude=[(0.0, 0.0, 0.02, 1.0)])
    assert clipped((0, 100, 600, 50), half, size) == (20, 100, 485, 50)
    triangle = regions(include=[LEFT_TRIANGLE])
    x, y, width, height = clipped((0, 250, 1000, 250), triangle, size)
    assert (x, y, height) == (0, 250, 250) and 248 <= width <= 252
    assert clipped((700, 0, 50, 50), half, size) == (700, 0, 50, 50), "nothing there is searched"
    assert clipped((1, 2, 3, 4), Regions(), size) == (1, 2, 3, 4)


def test_what_a_stage_finds_is_clipped() -> None:
    pixels = still_scene()
    pixels[75, :, 80:] += 60
    width, height = source(1).width, source(1).height
    include = (((0.52, 0.03), (0.97, 0.03), (0.97, 0.97), (0.52, 0.97)),)
    spec = Spec(stages=("flash",), regions={"include": include})
    (found,) = accepted(candidates("flash", as_luma(pixels), spec))
    assert found.region is not None
    x, y, across, down = found.region
    assert x >= 0.51 * width and x + across <= 0.98 * width
    assert y >= 0.02 * height and y + down <= 0.98 * height


def test_regions_beside_the_frame_are_warned_of(inside: InProcess) -> None:
    texture(3).save(inside.home / "a.png")
    off = ("--set", "regions.include=[[5000, 5000, 10, 10]]")
    for stages, warned in (("quality", False), ("quality,caption", True)):
        info = SourceInfo("/a.png", "picture", "b2:0", 1, 64, 48, "png", "png")
        spec = Spec(stages=tuple(stages.split(",")), regions={"include": [(5000, 5000, 10, 10)]})
        found = list(region_warnings(info, spec))
        assert bool(found) == warned, stages
    assert "nothing of its frame (64 x 48 px)" in found[0]
    video = replace(info, kind="video")
    assert list(region_warnings(video, Spec(regions=spec.regions)))
    assert not list(region_warnings(video, Spec(stages=("quality",), regions=spec.regions)))
    assert not list(region_warnings(replace(video, width=5100, height=5100), spec))
    assert inside("scan", inside.home / "a.png", "--stages", "quality", *off).code == 0


def test_models_see_black_outside_and_answers_are_kept_apart(
    inside: InProcess, server: FaultyServer
) -> None:
    import base64
    import io

    texture(3).save(inside.home / "a.png")
    scan = ("scan", inside.home / "a.png", "--stages", "caption",
            "--set", f"vlm.model={server.url}#tiny")  # fmt: skip
    assert inside(*scan).code == 0
    half = np.zeros((8, 8), bool)
    half[:, :4] = True
    mask_file(inside.home, half)
    masked = inside(*scan, "--set", "regions.mask=mask.png")
    assert masked.code == 0, masked.err
    assert len(server.asked()) == 2
    pictures = []
    for body in server.asked():
        url = body["messages"][-1]["content"][0]["image_url"]["url"]
        data = base64.b64decode(url.partition(",")[2])
        pictures.append(np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.int16))
    whole, seen = pictures
    assert whole.shape == seen.shape and whole[:, 180:].mean() > 30
    assert seen[:, 180:].max() <= 4 and np.abs(seen[:, :140] - whole[:, :140]).max() < 20
    # The same pictures again, with and without the mask, cost nothing.
    assert inside(*scan).code == 0
    assert inside(*scan, "--set", "regions.mask=mask.png").code == 0
    assert len(server.asked()) == 2
    gone = inside(*scan, "--set", "regions.mask=gone.png")
    assert gone.code == 2 and "gone.png cannot be read" in gone.err
