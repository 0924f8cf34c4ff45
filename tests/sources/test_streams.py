"""Which stream of a file is read: chosen, default, and never a still."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config.screening_settings import Sampling
from core.config.spec import Spec
from core.errors import Unreadable
from core.records import asked_stream, content_of
from core.scans.measure import measure_settings
from core.sources.reader import Reader
from tests.sources.drawn import HEIGHT, LIT, WIDTH, draw
from tests.sources.reading import read


def lit(reader: Reader, path: Path, stream: int | None) -> list[int]:
    got = read(reader, path, Sampling(stream="auto" if stream is None else stream))
    return [n for n, luma in zip(got.indices, got.luma, strict=True) if luma.mean() > 120]


def test_several_cameras(reader: Reader, tmp_path: Path) -> None:
    for name in ("two.mp4", "two.mkv", "two.ts"):
        path = draw(tmp_path / name, streams=2)  # lit in the second
        info = reader.probe(str(path)).info
        assert (info.stream, info.asked_stream) == (0, None), name
        assert info.warnings == (
            "1 video stream was not read, of 2; set sampling.stream to the number of one, or 'all'",
        )
        assert reader.streams(str(path)) == 2
        assert lit(reader, path, None) == lit(reader, path, 0) == []
        assert lit(reader, path, 1) == list(LIT), name
        second = reader.probe(str(path), stream=1).info
        assert (second.stream, second.asked_stream, second.warnings) == (1, 1, ())
        assert second.content == f"{info.content}:v1"
        still = next(reader.stills(second, [LIT[0] / 30 + 0.001], 64))
        assert len(still.jpeg) > 0
        out = tmp_path / f"{name}.clip.mp4"
        reader.clip(str(path), 0.5, 1.0, str(out), second)
        assert len(lit(reader, out, None)) == 2, name
        with pytest.raises(Unreadable, match=r"holds 2 video streams; sampling\.stream = 5"):
            reader.probe(str(path), stream=5)


def test_a_stream_is_part_of_what_a_result_is_known_by(reader: Reader, tmp_path: Path) -> None:
    path = draw(tmp_path / "two.mp4", streams=2)
    default, first, second = (
        reader.probe(str(path), stream=stream).info for stream in (None, 0, 1)
    )
    assert len({default.content, first.content, second.content}) == 3
    assert content_of(second.content, None) == default.content
    assert [asked_stream(each.content) for each in (default, first, second)] == [None, 0, 1]


def test_settings_that_came_later_leave_old_results_known() -> None:
    """A spec that names neither stream nor rate is known by the hash it always had."""
    assert not {"stream", "raw_rate"} & Spec().what_matters()["sampling"].keys()
    assert Spec(sampling=Sampling(stream=1)).hash() != Spec().hash()
    assert Spec(sampling=Sampling(raw_rate=30.0)).hash() != Spec().hash()


def test_only_what_times_frames_anew_is_measured_again(reader: Reader, tmp_path: Path) -> None:
    indexed = reader.probe(str(draw(tmp_path / "a.mp4"))).info
    stream = reader.probe(str(draw(tmp_path / "a.ts"))).info
    raw = reader.probe(str(draw(tmp_path / "a.h264"))).info
    rated = Spec(sampling=Sampling(raw_rate=50.0))
    assert "timing" not in measure_settings(Spec(), "flash", indexed)
    assert measure_settings(Spec(), "flash", stream)["timing"] == 1
    for info, same in ((indexed, True), (raw, False)):
        settings = [measure_settings(spec, "flash", info) for spec in (rated, Spec())]
        assert (settings[0] == settings[1]) == same


def test_stills_are_no_streams(reader: Reader, tmp_path: Path) -> None:
    """A picture flagged as default, a thumbnail track, and cover art."""
    writers: dict[str, Callable[[Any], None]] = {
        "default-still.mkv": lambda stream: setattr(stream, "disposition", 1),
        "thumbnail.mp4": lambda stream: None,
        "cover.mp4": lambda stream: setattr(stream, "disposition", 0x400),
    }
    for name, flag in writers.items():
        path = _with_still(tmp_path / name, flag)
        info = reader.probe(str(path)).info
        assert (info.codec, info.frame_count) == ("mpeg4", 40), name
        assert info.warnings == (), name
        assert info.metadata["video_streams"] == "1"
        assert lit(reader, path, None) == list(LIT), name


def _with_still(path: Path, flag: Callable[[Any], None]) -> Path:
    import av

    with av.open(str(path), "w") as target:
        still: Any = target.add_stream("mjpeg", rate=30)
        still.width, still.height, still.pix_fmt = 320, 240, "yuvj420p"
        flag(still)
        film: Any = target.add_stream("mpeg4", rate=30)
        film.width, film.height, film.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 90, np.uint8), "rgb24")
        picture.pts, picture.time_base = 0, Fraction(1, 30)
        target.mux(still.encode(picture))
        target.mux(still.encode(None))
        for number in range(40):
            level = 200 if number in LIT else 40
            frame = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), level, np.uint8))
            frame.pts, frame.time_base = number, Fraction(1, 30)
            target.mux(film.encode(frame))
        target.mux(film.encode(None))
    return path


def test_start_timecode_is_kept(reader: Reader, tmp_path: Path) -> None:
    import av

    codes = {"a.mov": "10:00:00;00", "b.mov": "01:02:03:04", "c.mkv": "10:00:00:00"}
    for name, code in codes.items():
        path, plain_path = tmp_path / name, draw(tmp_path / f"plain-{name}")
        with av.open(str(plain_path)) as source, av.open(str(path), "w") as target:
            video = source.streams.video[0]
            copy = target.add_stream_from_template(video)
            copy.metadata["timecode"] = code
            for packet in source.demux(video):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
        metadata = reader.probe(str(path)).info.metadata
        assert metadata["timecode"] == code, name
        assert metadata["timecode_drop_frame"] is (";" in code)
    plain = reader.probe(str(draw(tmp_path / "plain.mov"))).info.metadata
    assert "timecode" not in plain
