"""One clock for every reader of times: joined recordings, lost packets, late beginnings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from core.config.screening_settings import Events, Sampling
from core.config.spec import Spec
from core.records import Candidate, SourceInfo
from core.scans.events import moments
from core.scans.results import failure, measured
from core.sources.clock import FrameClock, PacketClock
from core.sources.reader import Reader
from tests.sources.drawn import draw, joined
from tests.sources.reading import REPOSITORY, Read, read

SPEC = Spec()
STEP = 1 / 30
CASES = REPOSITORY.parent / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="no folder of cases")


def candidate(first: int, last: int, start: float, end: float) -> Candidate:
    return Candidate(
        "flash", "flash", first, first, last, start, start, end, 1.0, 0.5, accepted=True
    )


def lit(got: Read) -> list[float]:
    """Return the times of bright frames."""
    return [at for at, luma in zip(got.seconds, got.luma, strict=True) if luma.mean() > 120]


def true_times(*bright: float) -> list[float]:
    """Return the times of two bright frames in a row, from each of some first ones."""
    return [at + step for at in bright for step in (0.0, STEP)]


def assert_one_clock(
    reader: Reader, path: Path, bright: list[float], count: int, out: Path
) -> None:
    """Assert that every reader of times sees the same: whole, resumed, stills, clip, sampled."""
    whole = read(reader, path, Sampling())
    info = reader.probe(str(path)).info
    assert len(whole.indices) == count
    assert lit(whole) == pytest.approx(bright, abs=2e-3)
    assert failure(info, SPEC, asdict(whole.end)) == ""
    assert whole.end.end_seconds == pytest.approx(whole.seconds[-1] + STEP, abs=0.08)
    for skip in (count // 3, count - 5):
        got = read(reader, path, Sampling(), skip, whole.seconds[skip])
        assert got.seconds == whole.seconds[skip:]
        assert got.indices == whole.indices[skip:]
    stills = list(reader.stills(info, bright, 100))
    assert [still.seconds for still in stills] == pytest.approx(bright, abs=2e-3)
    for mode in ("keyframes", "count", "fps"):
        some = read(reader, path, Sampling(mode=mode, count=7, fps=9.0))
        assert some.seconds == [whole.seconds[index] for index in some.indices], mode
    start, end = bright[-1] - 0.4, bright[-1] + 0.4
    reader.clip(str(path), start, end, str(out), info)
    clip = read(reader, out, Sampling())
    wanted = [at for at in whole.seconds if start <= at <= end]
    # A clip may begin at a keyframe before; its own last frames are those asked for.
    assert clip.seconds[-1] - clip.seconds[0] == pytest.approx(wanted[-1] - wanted[0], abs=0.4)
    assert len(lit(clip)) >= 1


def test_joined_recordings_with_other_reordering(reader: Reader, tmp_path: Path) -> None:
    """The first picture shown of each follows the last one shown before, to the frame."""
    parts = [
        draw(tmp_path / f"{number}.ts", bframes=bframes, begins=begins)
        for number, (bframes, begins) in enumerate(((0, 900), (3, 0), (0, 9_000)))
    ]
    whole = read(reader, joined(tmp_path / "mixed.ts", *parts), Sampling())
    assert whole.seconds == pytest.approx([number * STEP for number in range(120)], abs=1e-4)


@pytest.mark.parametrize(
    ("name", "codec", "begins"),
    [
        ("restarted.ts", "libx264", (0, 0, 0)),
        ("forward.ts", "libx264", (0, 30 * 36_000, 30 * 90)),
        ("wrapped.ts", "libx264", (0, 30 * 80_000, 40)),
        ("mpeg2.ts", "mpeg2video", (0, 30 * 36_000, 30)),
        ("program.mpg", "mpeg2video", (0, 30 * 3_600, 0)),
    ],
)
def test_recordings_that_were_joined(
    reader: Reader, tmp_path: Path, name: str, codec: str, begins: tuple[int, ...]
) -> None:
    parts = [
        draw(tmp_path / f"{number}{name}", codec, begins=begin)
        for number, begin in enumerate(begins)
    ]
    path = joined(tmp_path / name, *parts)
    bright = true_times(*((20 + 40 * number) * STEP for number in range(3)))
    assert_one_clock(reader, path, bright, 120, tmp_path / "clip.mp4")
    info = reader.probe(str(path)).info
    assert info.frame_count == 120
    assert info.duration_seconds == pytest.approx(4.0, abs=0.01)
    got = read(reader, path, Sampling())
    assert any("3 recordings are joined" in warning for warning in got.end.warnings)


def test_joined_recordings_of_varying_rate(reader: Reader, tmp_path: Path) -> None:
    parts = [draw(tmp_path / f"{n}.ts", slow_after=30, begins=n * 90_000) for n in range(2)]
    path = joined(tmp_path / "vfr.ts", *parts)
    # 30 frames at 30 a second and 10 at 10: 2 s each.
    bright = true_times(20 * STEP, 2.0 + 20 * STEP)
    whole = read(reader, path, Sampling())
    assert len(whole.indices) == 80
    assert lit(whole) == pytest.approx(bright, abs=0.04)
    assert reader.probe(str(path)).info.duration_seconds == pytest.approx(4.0, abs=0.1)


def test_joined_matroska_goes_on(reader: Reader, tmp_path: Path) -> None:
    parts = [draw(tmp_path / f"{n}.mkv", bframes=0) for n in range(2)]
    path = joined(tmp_path / "joined.mkv", *parts)
    whole = read(reader, path, Sampling())
    assert whole.seconds == sorted(set(whole.seconds))
    assert len(whole.indices) in (40, 80)  # FFmpeg may stop at the first one's end
    skip = len(whole.indices) - 3
    assert read(reader, path, Sampling(), skip, whole.seconds[skip]).seconds == whole.seconds[skip:]


def test_clock_that_wraps(reader: Reader, tmp_path: Path) -> None:
    """The 33 bits of a transport stream's clock end after 26.5 hours, here after 0.5 s."""
    begins = round((2**33 / 90_000 - 1.4 - 0.5) * 30)
    path = draw(tmp_path / "wrap.ts", begins=begins)
    assert_one_clock(reader, path, true_times(20 * STEP), 40, tmp_path / "clip.mp4")


def test_a_pause_is_kept_where_the_container_keeps_time(reader: Reader, tmp_path: Path) -> None:
    """Minutes without a frame: a timeline's pause is real, a running clock's jump is a new start.

    Steps of up to 10 s are kept everywhere.
    """
    import av

    for seconds, name, kept in (
        (120, "pause.mkv", True), (120, "pause.mp4", True), (6, "short.ts", True),
        (120, "pause.ts", False),
    ):  # fmt: skip
        source, path = draw(tmp_path / f"source-{name}", bframes=0), tmp_path / name
        with av.open(str(source)) as opened, av.open(str(path), "w") as target:
            video = opened.streams.video[0]
            copy = target.add_stream_from_template(video)
            for number, packet in enumerate(opened.demux(video)):
                if packet.dts is None or packet.pts is None or video.time_base is None:
                    continue
                if number >= 20:
                    packet.pts += round(seconds / video.time_base)
                    packet.dts += round(seconds / video.time_base)
                packet.stream = copy
                target.mux(packet)
        got = read(reader, path, Sampling())
        assert len(got.indices) == 40
        step = got.seconds[20] - got.seconds[19]
        assert step == pytest.approx(seconds + STEP if kept else STEP, abs=0.01), name


def test_lost_packets_leave_the_rest_where_it_was(reader: Reader, tmp_path: Path) -> None:
    """Transport packets missing in the middle, with and without reordered frames."""
    for bframes in (0, 3):
        path = draw(tmp_path / f"b{bframes}.ts", frames=90, lit=(60, 61), bframes=bframes)
        data = path.read_bytes()
        hole = len(data) // 188 // 3
        path.write_bytes(data[: hole * 188] + data[(hole + len(data) // 188 // 6) * 188 :])
        got = read(reader, path, Sampling())
        assert lit(got) == pytest.approx(true_times(2.0), abs=2e-3)
        assert got.seconds == sorted(set(got.seconds))
        assert not any("joined" in warning for warning in got.end.warnings)


class _Packet:
    def __init__(self, dts: int | None, pts: int | None = None, duration: int = 0) -> None:
        self.dts, self.pts, self.duration = dts, pts if pts is not None else dts, duration


def repaired(clock: PacketClock, stamps: list[int]) -> list[int | None]:
    packets = [_Packet(stamp) for stamp in stamps]
    for packet in packets:
        clock.repair(packet)
    return [packet.pts for packet in packets]


def test_packet_clock() -> None:
    stream = PacketClock(1 / 1000, "mpegts", 0.04)
    assert repaired(stream, [0, 40, 80, 20_000, 20_040, 0, 40]) == [0, 40, 80, 120, 160, 200, 240]
    assert stream.joined_at == pytest.approx((0.12, 0.2))
    assert stream.end_seconds == pytest.approx(0.28)
    pause = PacketClock(1 / 1000, "matroska,webm", 0.04)
    assert repaired(pause, [0, 40, 200_000]) == [0, 40, 200_000]
    assert repaired(PacketClock(1 / 1000, "mpegts", 0.04), [0, 40, 9_000]) == [0, 40, 9_000]


def test_frame_clock_keeps_late_frames_behind_and_the_rest_in_place() -> None:
    clock = FrameClock(lambda pts: pts / 10, 0.1)
    seconds = [clock.seconds(pts) for pts in (0, 1, 20, 3, 4, 21, None, None)]
    assert seconds == pytest.approx([0.0, 0.1, 2.0, 2.000001, 2.000002, 2.1, 2.2, 2.3])


def test_clip_ends_on_the_clock_of_the_frames(reader: Reader, tmp_path: Path) -> None:
    """The video begins late, behind its sound: its end is its beginning and its length."""
    path = draw(tmp_path / "late.mp4", begins=60, sound=("aac", 3.0), lit=(36, 37))
    info = reader.probe(str(path)).info
    assert info.duration_seconds == pytest.approx(2.0 + 40 * STEP, abs=0.01)
    got = read(reader, path, Sampling())
    assert lit(got) == pytest.approx(true_times(2.0 + 36 * STEP), abs=0.01)
    found = candidate(36, 37, lit(got)[0], lit(got)[1])
    (moment,) = moments([found], Events(), info.duration_seconds)
    assert moment.clip_end_seconds == pytest.approx(info.duration_seconds or 0)
    out = tmp_path / "clip.mp4"
    start, end = moment.clip_start_seconds, moment.clip_end_seconds
    reader.clip(str(path), start, end, str(out), info)
    assert len(lit(read(reader, out, Sampling()))) == 2


def test_a_duration_that_is_too_short_cuts_no_event() -> None:
    (moment,) = moments([candidate(90, 99, 3.0, 3.9)], Events(), 3.8)
    assert moment.clip_end_seconds == 3.9
    (moment,) = moments([candidate(90, 99, 3.0, 3.3)], Events(), 3.8)
    assert moment.clip_end_seconds == 3.8


def test_what_was_measured_replaces_what_a_header_says() -> None:
    info = SourceInfo(
        "/v.mkv", "video", "b2:0", 1, 64, 48, "matroska,webm", "h264", frame_rate=30.0,
        frame_count=118, duration_seconds=3.93,
    )  # fmt: skip
    ended = {"frames": 60, "bad_packets": 0, "ended_early": False, "end_seconds": 4.0}
    counted = measured(info, SPEC, ended)
    assert (counted.frame_count, counted.duration_seconds) == (60, 4.0)
    assert failure(info, SPEC, ended) == ""
    some = measured(info, Spec(stages=("motion",), sampling=Sampling(mode="fps")), ended)
    assert (some.frame_count, some.duration_seconds) == (118, 4.0)
    cut = {**ended, "cut_off": "the file ends inside a packet"}
    assert measured(info, SPEC, cut) == info
    assert "60 of 118 frames" in failure(info, SPEC, cut)
    assert "10 packets could not be decoded" in failure(info, SPEC, {**ended, "bad_packets": 10})


@needs_cases
@pytest.mark.parametrize(
    ("name", "frames", "bright"),
    [
        ("19-vfr-lowlight/cam.mkv", 60, [2.0]),
        ("19-vfr-lowlight/cam.ts", 60, [2.0]),
        ("19-vfr-lowlight/cam.mp4", 60, [2.0]),
        ("02-editlist-cut/cut.mp4", 75, true_times(0.5)),
        ("05-ts-joined/restart.ts", 240, true_times(2.0, 6.0)),
        ("05-ts-joined/forward.ts", 240, true_times(2.0, 6.0)),
        ("08-raw-h264/raw.h264", 120, true_times(2.0)),
        ("12-cover-art/still_default.mkv", 120, true_times(2.0)),
        ("20-late-event/delayed_late.mp4", 120, true_times(5.667)),
        ("41-damaged-middle/lost.ts", None, true_times(2.0)),
        ("41-damaged-middle/b3_lost3.ts", None, true_times(2.0)),
        ("40-codecs/theora.ogv", None, [2.0]),
    ],
)
def test_cases(reader: Reader, name: str, frames: int | None, bright: list[float]) -> None:
    path = CASES / name
    info = reader.probe(str(path)).info
    got = read(reader, path, Sampling())
    assert failure(info, SPEC, asdict(got.end)) == ""
    assert got.end.bad_packets == 0
    assert frames in (None, len(got.indices))
    means = np.array([luma.mean() for luma in got.luma])
    seen = np.array(got.seconds)[means > (means.max() + np.median(means)) / 2].tolist()
    assert seen == pytest.approx(bright, abs=2e-3)
