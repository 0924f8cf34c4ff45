"""Timecodes both ways, and EDLs as OpenTimelineIO reads them."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from core.records import Event, SourceInfo
from core.storage.export.document import Document
from core.storage.export.edl import ascii_name, render
from core.storage.export.parts import OutputFiles
from core.storage.export.timecode import (
    RATES,
    TimecodeRate,
    frames_to_timecode,
    seconds_to_frames,
    timecode_rate,
    timecode_to_frames,
)
from tests.storage.test_export import HOSTILE, MOMENTS, document, source

NTSC = TimecodeRate(Fraction(30000, 1001), drop=True)
FAST = TimecodeRate(Fraction(60000, 1001), drop=True)


def moment(start: float, end: float, lead: float = 1.0, rest: float = 2.0) -> Event:
    return Event(1, "flash", 0, 0, 0, start, start, end, max(0.0, start - lead), end + rest, 0.5, 1)


def edl(*moments: Event, rate: float | None = 25.0, **metadata: Any) -> str:
    info = replace(source(), frame_rate=rate, metadata=metadata)
    found = render(document(source=info, moments=moments), OutputFiles("storm", ("edl",)))[".edl"]
    assert isinstance(found, str) and found.isascii()
    return found


def read(text: str, rate: float) -> list[otio.schema.Clip]:
    """Read as an editing program would; the adapter refuses whatever does not add up."""
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=rate)
    assert not timeline.find_children(descended_from_type=otio.schema.Gap), "cuts follow each other"
    return list(timeline.find_clips())


def cut(text: str, number: int = 0) -> list[str]:
    lines = [line for line in text.splitlines() if re.match(r"\d{3,} ", line)]
    return lines[number].split()[4:]


def seconds(clip: otio.schema.Clip) -> tuple[float, float]:
    found = clip.source_range
    return found.start_time.to_seconds(), found.end_time_exclusive().to_seconds()


def test_drop_frame_labels_are_those_of_the_standard() -> None:
    known = {
        (NTSC, 0): "00:00:00;00",
        (NTSC, 1799): "00:00:59;29",
        (NTSC, 1800): "00:01:00;02",
        (NTSC, 17981): "00:09:59;29",
        (NTSC, 17982): "00:10:00;00",
        (NTSC, 107892): "01:00:00;00",
        (NTSC, 2589408): "24:00:00;00",
        (FAST, 3599): "00:00:59;59",
        (FAST, 3600): "00:01:00;04",
        (FAST, 35964): "00:10:00;00",
    }
    for (count, frame), label in known.items():
        assert frames_to_timecode(frame, count) == label
        assert timecode_to_frames(label, count) == frame


def test_every_label_comes_back_and_is_opentimelineios() -> None:
    for rate in RATES:
        for count in {timecode_rate(float(rate)), timecode_rate(float(rate), "00:00:00:00")}:
            near = [range(120), range(1700, 1900), range(3550, 3700), range(17900, 18100)]
            for frame in itertools.chain(*near, range(2_000_000, 3_000_000, 99_991)):
                label = frames_to_timecode(frame, count)
                assert timecode_to_frames(label, count) == frame
                assert otio.opentime.from_timecode(label, float(rate)).value == frame, label


def test_what_is_no_label_is_refused() -> None:
    wrong = {
        NTSC: ("00:01:00;00", "00:01:00;01", "00:61:00;02", "00:00:00;30", "00:00:02.500", "1.5"),
        FAST: ("00:01:00;03", "00:00:00;60"),
        TimecodeRate(Fraction(25)): ("00:00:00;10", "00:00:00:25", "", "0:0:0:0"),
    }
    for count, labels in wrong.items():
        for label in labels:
            with pytest.raises(ValueError, match=r"timecode|drop"):
                timecode_to_frames(label, count)
    assert timecode_to_frames("00:01:00:02", NTSC) == 1800  # a colon, as many programs write


def test_every_rate_is_counted_in_one_that_timecode_knows() -> None:
    counted = {
        25.0: "25 NON-DROP FRAME", 29.97: "29.97 DROP FRAME", 30000 / 1001: "29.97 DROP FRAME",
        59.94: "59.94 DROP FRAME", 23.976: "23.976 NON-DROP FRAME", 30.0: "30 NON-DROP FRAME",
        15.0: "30 NON-DROP FRAME", 10.0: "30 NON-DROP FRAME", 12.5: "25 NON-DROP FRAME",
        12.6: "24 NON-DROP FRAME", 29.8: "30 NON-DROP FRAME", 14.985: "29.97 DROP FRAME",
        100.0: "50 NON-DROP FRAME", 120.0: "60 NON-DROP FRAME", 119.88: "59.94 DROP FRAME",
        0.2: "24 NON-DROP FRAME", float("nan"): "25 NON-DROP FRAME",
    }  # fmt: skip
    assert {rate: str(timecode_rate(rate)) for rate in counted} == counted
    assert str(timecode_rate(None)) == "25 NON-DROP FRAME"
    assert str(timecode_rate(29.97, "10:00:00:00")) == "29.97 NON-DROP FRAME"
    assert str(timecode_rate(29.97, "10:00:00;00")) == "29.97 DROP FRAME"


@pytest.mark.parametrize("rate", [12.6, 10.2, 14.3, 29.4, 17.0])
def test_a_variable_rate_is_counted_in_real_time(rate: float) -> None:
    text = edl(moment(110.0, 110.0), moment(3600.0, 3600.1), rate=rate)
    assert cut(text)[0] == "00:01:49:00" and cut(text, 1)[0] == "00:59:59:00"
    assert f"* SOURCE HAS {rate:.3f} FRAMES A SECOND ON AVERAGE, COUNTED IN REAL TIME" in text
    count = timecode_rate(rate)
    assert f"* FRAME RATE: {count}" in text
    assert seconds(read(text, float(count.rate))[1])[0] == 3599.0


def test_drop_frame_stays_with_the_clock() -> None:
    for rate, label in ((30000 / 1001, "00:59:59;00"), (60000 / 1001, "00:59:59;00")):
        text = edl(moment(3600.0, 3600.1), rate=rate)
        assert text.splitlines()[1] == "FCM: DROP FRAME"
        assert cut(text)[0] == label
        assert seconds(read(text, rate)[0])[0] == pytest.approx(3599.0, abs=0.51 / rate)


def test_a_start_timecode_is_counted_from() -> None:
    rate = 30000 / 1001
    at = 60 * 1001 / 30000
    plain = edl(moment(at, at), rate=rate, timecode="10:00:00:00")
    assert plain.splitlines()[1] == "FCM: NON-DROP FRAME"
    assert cut(plain)[:2] == ["10:00:01:00", "10:00:04:00"]
    assert "* START TIMECODE: 10:00:00:00" in plain
    dropped = edl(moment(at + 3600, at + 3600), rate=rate, timecode="10:00:00;00")
    assert cut(dropped)[0] == "11:00:01;00" and "FCM: DROP FRAME" in dropped
    begin = timecode_to_frames("10:00:00;00", NTSC)
    assert seconds(read(dropped, rate)[0])[0] == pytest.approx((begin + 107922) * 1001 / 30000)
    assert cut(edl(moment(2.0, 2.0), timecode="00:59:58:12"))[0] == "00:59:59:12"
    for odd in ("10:00:00:99", "some time"):
        text = edl(moment(2.0, 2.0), timecode=odd)
        assert cut(text)[0] == "00:00:01:00" and f"START TIMECODE {odd.upper()} NOT" in text.upper()
        read(text, 25)
    assert cut(edl(moment(2.0, 2.0), timecode="01:00:00;00"))[0] == "01:00:01:00"


def test_events_beyond_a_day_are_where_they_are() -> None:
    day = 86400.0
    events = (moment(day - 1.0, day + 1.0), moment(day + 3605.0, day + 3605.5))
    for rate in (25.0, 30000 / 1001):
        text = edl(*events, rate=rate)
        assert cut(text, 1)[0][:8] == "25:00:04"
        for clip, event in zip(read(text, rate), events, strict=True):
            begin, end = seconds(clip)
            assert begin == pytest.approx(event.clip_start_seconds, abs=0.51 / rate)
            assert end == pytest.approx(event.clip_end_seconds, abs=0.51 / rate)
    late = edl(moment(10.0, 11.0), timecode="23:59:55:00")
    assert cut(late)[:2] == ["24:00:04:00", "24:00:08:00"]
    read(late, 25)


def test_opentimelineio_reads_every_one() -> None:
    slow, fast = (None, 0.5, 5, 12, 15, 16.7, 23.976, 24, 25), (29.97, 30, 33.3, 47.952, 50, 59.94)
    paths = (HOSTILE, "/a/FREEZE FRAME.[1-9].mp4", "/a/雨.mp4", "/a/" + "x" * 250 + ".mp4")
    for rate in (*slow, *fast, 120, 240):
        for path in paths:
            info: SourceInfo = replace(source(path), frame_rate=rate)
            made: Document = document(source=info, moments=MOMENTS)
            text = render(made, OutputFiles("storm", ()))[".edl"]
            assert isinstance(text, str)
            count = timecode_rate(rate)
            clips = read(text, float(count.rate))
            assert len(clips) == len(MOMENTS)
            for clip, event in zip(clips, MOMENTS, strict=True):
                begin = seconds_to_frames(event.clip_start_seconds, count)
                end = max(begin + 1, seconds_to_frames(event.clip_end_seconds, count))
                assert clip.source_range.start_time.value == begin
                assert clip.source_range.duration.value == end - begin
                assert clip.name == ascii_name(Path(path).name)
            assert all(len(line) < 400 for line in text.splitlines())
    assert read(edl(), 25) == []
    assert "FRAME RATE UNKNOWN, 25 ASSUMED" in edl(moment(1.0, 1.0), rate=None)


def test_the_case_of_a_variable_rate(media: Path) -> None:
    clip = media.parent / "cases" / "21-vfr-edl" / "vfr126.mp4"
    if not clip.exists():
        pytest.skip("no cases here")
    from core.config.screening_settings import Limits
    from core.sources.reader import Reader

    reader = Reader(Limits())
    try:
        info = reader.probe(str(clip), luma=False).info
    finally:
        reader.close()
    made = document(source=info, moments=(moment(110.0, 110.0),))
    text = render(made, OutputFiles("v", ()))[".edl"]
    assert isinstance(text, str)
    assert cut(text)[0] == "00:01:49:00"
    rate = float(timecode_rate(info.frame_rate).rate)
    assert seconds(read(text, rate)[0])[0] == pytest.approx(109.0)
