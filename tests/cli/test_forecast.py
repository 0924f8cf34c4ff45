"""How long a scan would take: from what was measured on this machine, or unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.config.screening_settings import Sampling
from core.config.spec import Spec
from core.inference.runner import StageTimes
from core.models.protocols import Loading
from core.records import SourceInfo
from core.reports.forecast import _alike, _frames_of, plan_view
from core.scans.work_times import (
    WorkTimes,
    keyframes_key,
    model_key,
    screening_key,
    start_key,
)
from core.storage.library import Library
from core.stores.rates import RateSample
from tests.memory_stores import MemoryRates
from tests.workbench import InProcess, source

VLM = Loading("tiny", "chat", None, "local-1", "cpu")


def spec(**given: Any) -> Spec:
    return Spec(**{"stages": ("quality", "caption"), "sampling": Sampling(mode="fps"), **given})


def test_a_scan_measures_what_the_next_dry_run_says(inside: InProcess, storm: Path) -> None:
    scan = ("scan", storm, "--profile", "quick")
    first = inside(*scan, "--dry-run", "--json").json()[0]
    assert first["seconds"] is None and first["low_seconds"] is None
    assert "not measured on this machine yet" in first["basis"]
    assert "time unknown" in inside(*scan, "--dry-run").out
    assert inside(*scan).code == 0
    known = inside(*scan, "--dry-run", "--json").json()[0]
    assert (known["seconds"], known["basis"], known["parts"]) == (0, "nothing to do", [])
    again = inside(*scan, "--dry-run", "--redo", "--json").json()[0]
    assert {part["what"] for part in again["parts"]} == {"start", "screening of videos"}
    assert 0 < again["low_seconds"] <= again["seconds"] <= again["high_seconds"]
    assert again["frames"] == 200 and again["basis"] == "from 1 scan on this machine"
    # Other stages were never measured.
    other = inside("scan", storm, "--stages", "flash", "--dry-run", "--json").json()[0]
    assert other["seconds"] is None


def test_models_are_shown_what_sampling_takes() -> None:
    info = source(250)  # 10 s at 25 frames a second
    for given, frames in (
        ({"mode": "every"}, 250), ({"mode": "fps", "fps": 2}, 20),
        ({"mode": "fps", "fps": 99}, 250),
        ({"mode": "fps", "fps": 2, "max_frames": 7}, 7), ({"mode": "count", "count": 64}, 64),
        ({"mode": "count", "count": 999}, 250), ({"mode": "fps", "fps": 0.01}, 1),
    ):  # fmt: skip
        assert _frames_of(info, Sampling.model_validate(given), []) == (frames, frames), given
    keyframes = Sampling(mode="keyframes")
    assert _frames_of(info, keyframes, []) == (None, None)
    samples = [RateSample(100, 50), RateSample(10, 10)]
    assert _frames_of(info, keyframes, samples) == (5, 10)


def test_the_range_is_that_of_scans_of_a_similar_size(tmp_path: Path, storm: Path) -> None:
    near = [RateSample(100, 300), RateSample(20, 80)]
    assert list(_alike([RateSample(1, 90), *near], 80)) == near
    assert len(_alike([RateSample(1, 90)], 80)) == 1
    library = Library(tmp_path / "library")
    try:
        asked = spec(stages=("caption",), sampling=Sampling(mode="count", count=10))
        caption = model_key(asked, "caption", VLM, "video")
        for key, sample in (
            (start_key({"caption": VLM}), RateSample(1, 4)), (caption, RateSample(10, 20)),
            (caption, RateSample(20, 60)),
        ):  # fmt: skip
            library.rates.add_sample(key, sample)
        view = plan_view(library, asked, {"caption": VLM}, [str(storm)], (), "default")
        assert (view.low_seconds, view.seconds, view.high_seconds) == (24, 29, 34)
        assert [(part.frames, part.scans) for part in view.parts] == [(0, 1), (10, 2)]
        # Another device, or precision, is other work.
        for loading in (Loading("tiny", "chat", None, "local-1", "cuda:0"),
                        Loading("tiny", "chat", None, "local-1", "cpu", "bfloat16")):  # fmt: skip
            other = plan_view(library, asked, {"caption": loading}, [str(storm)], (), "default")
            assert other.seconds is None and "caption by tiny" in other.basis
        for number in range(30):
            library.rates.add_sample("many", RateSample(1, number))
        assert [sample.seconds for sample in library.rates.samples("many")] == list(range(10, 30))
        assert library.footprints.all() == []
    finally:
        library.close()


def test_time_is_shared_out_among_stages_and_the_rest_is_the_start() -> None:
    asked = spec(stages=("quality", "tag", "caption"))
    tagger = Loading("clip", "clip", None, "local-2", "cpu")
    times = WorkTimes(asked, {"caption": VLM, "tag": tagger})
    info: SourceInfo = source(250, width=1000, height=1000)
    times.screened(info, 250, seconds=6.0, at_once=2)
    spent = StageTimes(loading_seconds=5.0)
    spent.add("tag", 20, 1.0)
    spent.add("caption", 20, 3.0)
    times.answered("video", 13.0, spent)
    rates = MemoryRates()
    times.keep(rates, 20.0)
    found = {key: (s.units, s.seconds) for key, (s,) in rates.kept.items()}
    assert found == {
        screening_key(asked, "video"): (250, 3.0),
        model_key(asked, "tag", tagger, "video"): (20, 2.0),
        model_key(asked, "caption", VLM, "video"): (20, 6.0),
        start_key({"caption": VLM, "tag": tagger}): (1, 9.0),
    }
    nothing = MemoryRates()
    WorkTimes(asked, {}).keep(nothing, 20.0)
    assert nothing.kept == {}
    counted = WorkTimes(spec(sampling=Sampling(mode="keyframes")), {"caption": VLM})
    counted.keyframes(info, 5)
    counted.keep(rates, 1.0)
    assert rates.samples(keyframes_key())[0] == RateSample(10.0, 5.0)
