"""Pixels that are shown otherwise than before: their answers, results and pictures are made again.

Those of every other source stand: asking is what costs.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config.screening_settings import Limits, Regions
from core.config.spec import Spec
from core.inference.frames import shown as shown_of
from core.inference.stage import LazyFrame, Microbatch
from core.models.registry import load
from core.pipeline.channel import Control
from core.records import SourceInfo
from core.scans.measure import measure_settings
from core.scans.plan import plan
from core.sources.reader import Reader
from core.storage.frames import KeptFrames
from core.storage.library import Library
from core.storage.thumbnails import Thumbnails
from core.stores.results import Result
from tests.sources.footage import scene, write_video
from tests.stages.test_looking import at_work, pictures, spec

PLAIN = SourceInfo("a.mp4", "video", "b2:aa", 1, 320, 180, "mp4", "h264")
CONVERTED = replace(PLAIN, content="b2:bb", pixels="ITU709 by size")


def test_only_converted_sources_are_asked_again(tmp_path: Path) -> None:
    drawn = pictures(4)
    asked: Counter[int] = Counter()

    def watched(loading: Any, *rest: Any, **more: Any) -> Any:
        model: Any = load(loading, *rest, **more)
        prepare = model.prepare
        model.prepare = lambda shown: (asked.update([len(shown)]), prepare(shown))[1]
        return model

    def run(conversions: list[str]) -> list[int]:
        asked.clear()
        with at_work(tmp_path / "lib", spec("embed"), watched) as (runner, _):
            batch = Microbatch([
                LazyFrame(f"content-{n}", 0, 0.0, 1.0, lambda n=n: drawn[n], None, conversion)  # type: ignore[misc]
                for n, conversion in enumerate(conversions)
            ])  # fmt: skip
            (done,) = runner.run(iter([batch]), Control(), lambda _b, _r: None)
            return [prior["embed"][0].id for prior in done.prior]

    before = run(["", "", "", ""])
    assert sum(size * times for size, times in asked.items()) == 4
    after = run(["", "by size", "", "by size"])
    assert sum(size * times for size, times in asked.items()) == 2
    assert [one == other for one, other in zip(before, after, strict=True)] == [
        True, False, True, False,
    ]  # fmt: skip
    assert run(["", "by size", "", "by size"]) == after
    assert not asked


def test_measured_tracks_stand_where_luma_is_the_same() -> None:
    wanted = Spec(stages=("flash",))
    before = measure_settings(wanted, "flash", PLAIN)
    for pixels in ("ITU709 by size", "pq, bt2020, BT2020, to BT.709 by method 1", "pixels 4:3"):
        assert measure_settings(wanted, "flash", replace(PLAIN, pixels=pixels)) == before
    mirrored = replace(PLAIN, pixels="ITU709 by size; turned 0, mirrored; pixels 4:3")
    assert measure_settings(wanted, "flash", mirrored) != before
    # Regions are given in the pixels of the picture shown.
    there = Spec(stages=("flash",), regions=Regions(include=((0, 0, 100, 100),)))
    wide = replace(PLAIN, width=427, pixels="pixels 4:3", metadata={"pixel_aspect": "4/3"})
    assert measure_settings(there, "flash", wide) != measure_settings(there, "flash", PLAIN)


def test_kept_pictures_of_other_pixels_are_not_shown(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "pictures")
    thumbnails.put("b2:bb", 1.0, 320, b"before")
    assert thumbnails.get("b2:bb", 1.0, 320) == b"before"
    assert thumbnails.get("b2:bb", 1.0, 320, CONVERTED.pixels) is None
    thumbnails.put("b2:bb", 1.0, 320, b"now", CONVERTED.pixels)
    thumbnails.keep_only({"b2:bb"})
    assert thumbnails.get("b2:bb", 1.0, 320, CONVERTED.pixels) == b"now"

    frames = KeptFrames(tmp_path / "frames")
    wanted = Spec(stages=("caption",), caption={"model": "x"})
    pixels = np.zeros((8, 8, 3), np.uint8)
    infos = [replace(CONVERTED, pixels=conversion) for conversion in ("", "ITU709 by size")]
    for value, info in enumerate(infos):
        shown_of(info, 0, 0.0, lambda value=value: pixels + value * 100, wanted, frames).for_vlm()
    again = [shown_of(info, 0, 0.0, None, wanted, frames).for_vlm().mean() for info in infos]
    assert again == pytest.approx([0, 100], abs=2)


def test_an_old_library_is_probed_and_decided_again(tmp_path: Path) -> None:
    paths = [
        write_video(tmp_path / "wide.mp4", scene(4), aspect=Fraction(4, 3)),
        write_video(tmp_path / "plain.mp4", scene(5)),
    ]
    wanted = Spec(stages=("flash",))
    reader = Reader(Limits())
    infos = [reader.probe(str(path)).info for path in paths]
    reader.close()
    assert [info.pixels for info in infos] == ["pixels 4:3", ""]
    library = Library(tmp_path / "lib")
    try:
        library.results.remember(
            (info, path.stat().st_mtime_ns) for path, info in zip(paths, infos, strict=True)
        )
        library.results.keep(
            Result(info.content, wanted.hash(), 4, "", (), {}, {}, (), ()) for info in infos
        )
        names = [os.fspath(path) for path in paths]
        assert len(plan(library, wanted, names, (), "auto").to_read) == 0
        # As a version without conversions left it.
        with library.database.transaction() as connection:
            connection.execute("UPDATE contents SET info = json_remove(info, '$.pixels')")
        assert len(plan(library, wanted, names, (), "auto").to_read) == 2
        for info in infos:
            library.results.forget_if_shown_otherwise(info, wanted.hash())
        kept = [library.results.get(info.content, wanted.hash()) is not None for info in infos]
        assert kept == [False, True]
    finally:
        library.close()
