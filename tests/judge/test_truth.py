"""Truth files of every kind, written by hand or by the programs that are named."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from core.errors import UsageError
from core.judge.score import score
from core.judge.truth import Footage, TrueEvent, Truth, read_truth, read_truths
from core.records import Event, Stroke
from core.storage.export.document import Document
from core.storage.export.names import Stems
from core.storage.export.table import SourceWriter, write_scan
from tests.storage.test_export import document, source, summary

BOM = "\ufeff"
EVENTS = ((1.5, 1.5, 1.5), (62.4, 63.125, 62.5), (3725.0, 3725.96, 3725.24))


@pytest.fixture
def truth(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


class Writer:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, text: str, name: str = "truth", encoding: str = "utf-8") -> list[Truth]:
        path = self.folder / name
        path.write_bytes(text.encode(encoding))
        return list(read_truths(path, [Footage(frozenset({"a.mp4"}), 25.0)]))

    def one(self, text: str) -> tuple[TrueEvent, ...]:
        (found,) = self(text)
        return found.events

    def refused(self, text: str) -> str:
        with pytest.raises(UsageError) as caught:
            self(text)
        return str(caught.value)


def spans(events: tuple[TrueEvent, ...]) -> list[tuple[float, float]]:
    return [(event.start_seconds, event.end_seconds) for event in events]


def exported(rate: float = 25.0, start: str = "") -> Document:
    strokes = (Stroke(1560, 62.4, 1.0), Stroke(1565, 62.6, 2.0))
    moments = tuple(
        Event(n, "flash", round(s * rate), round(p * rate), round(e * rate), s, p, e,
               max(0.0, s - 1), e + 2, 0.5, 1, strokes=strokes if n == 2 else ())
        for n, (s, e, p) in enumerate(EVENTS, 1)
    )  # fmt: skip
    info = replace(source("/footage/a.mp4"), frame_rate=rate, metadata={"timecode": start})
    return document(source=info, moments=moments)


def test_our_own_exports_are_truth(tmp_path: Path) -> None:
    """What was exported and perhaps corrected says where the events are, to the format's grain."""
    for rate, start in ((25.0, ""), (30000 / 1001, "10:00:00;00"), (12.6, "")):
        made = exported(rate, start)
        folder = tmp_path / f"{rate:.0f}"
        written = SourceWriter(folder, ("json", "csv", "srt", "vtt", "edl")).write(
            made, Stems("a.mp4", "a")
        )
        written += write_scan(summary(), iter([made]), folder, ("jsonl",))[1:]
        assert len(written) == 6
        for path in written:
            grain = 0.51 / 24 if path.suffix == ".edl" else 0.0011
            found = read_truth(path)
            for event, (begin, end, peak) in zip(found.events, EVENTS, strict=True):
                assert event.kind == "flash", path
                assert event.start_seconds == pytest.approx(begin, abs=grain), path
                assert event.end_seconds == pytest.approx(end, abs=2 * grain), path
                assert event.peak_seconds == pytest.approx(peak, abs=2 * grain + 0.04), path
            table = (".json", ".jsonl", ".csv")
            named = {".edl": "a.mp4", **dict.fromkeys(table, "/footage/a.mp4")}
            assert found.video == named.get(path.suffix, "")
            if path.suffix in table:
                assert found.events[1].strokes == (62.4, 62.6)
        assert read_truth(folder / "a.mp4.json").content == "c0ffee"


def test_a_corrected_export_is_what_it_says_now(tmp_path: Path) -> None:
    made = exported()
    folder = tmp_path
    SourceWriter(folder, ("csv", "edl", "srt")).write(made, Stems("a.mp4", "a"))
    table = (folder / "a.mp4.csv").read_text().splitlines()
    (folder / "a.mp4.csv").write_text("\n".join([table[0], table[2].replace("62.4,", "61.9,", 1)]))
    assert spans(read_truth(folder / "a.mp4.csv").events) == [(61.9, 63.125)]
    edl = (folder / "a.mp4.edl").read_text().replace("00:01:01:10", "00:01:00:10")
    (folder / "a.mp4.edl").write_text(edl)
    assert read_truth(folder / "a.mp4.edl").events[1].start_seconds == pytest.approx(61.4)
    cues = (folder / "a.srt").read_text().replace("00:00:01,500 --> 00:00:02,000",
                                                  "00:00:03,000 --> 00:00:04,250")  # fmt: skip
    (folder / "a.srt").write_text(cues)
    assert spans(read_truth(folder / "a.srt").events)[0] == (3.0, 4.25)


def test_json_of_several_videos_and_strokes(truth: Writer) -> None:
    a, b = truth(json.dumps({"videos": [
        {"video": "a.mp4", "events": [{"start_s": 1, "end_s": 2, "strokes": [1.25, 1.5]}]},
        {"video": "b.mp4", "fps": 24, "events": [{"start_s": 1, "end_s": 2, "strokes": [24, 36]}]},
    ]}))  # fmt: skip
    assert (a.video, a.events[0].strokes) == ("a.mp4", (1.25, 1.5))
    assert (b.video, b.events[0].strokes) == ("b.mp4", (1.0, 1.5))
    listed: list[dict[str, object]] = [{"video": name, "events": []} for name in ("a.mp4", "b.mp4")]
    assert [each.video for each in truth(json.dumps(listed))] == ["a.mp4", "b.mp4"]
    events = [{"video": name, "start_s": 1, "end_s": 1} for name in ("b", "a", "b")]
    assert [(t.video, len(t.events)) for t in truth(json.dumps({"events": events}))] == [
        ("b", 2), ("a", 1),
    ]  # fmt: skip
    whole = {"start_s": 1, "end_s": 2, "strokes": [1, 2]}
    assert truth.one(json.dumps({"events": [whole]}))[0].strokes == (1.0, 2.0)
    framed = {"start_s": 1, "end_s": 2, "stroke_frames": [30], "fps": 30}
    assert truth.one(json.dumps({"events": [framed]}))[0].strokes == (1.0,)
    assert "fps" in truth.refused('{"events": [{"start_s": 1, "end_s": 2, "stroke_frames": [3]}]}')


def test_byte_order_marks_are_read_over(truth: Writer) -> None:
    body = '{"events": [{"start_s": 1, "end_s": 2}]}'
    table = "start,end\n1,2\n"
    for text in (body, table, "1.0\t2.0\tx\n", "1\n00:00:01,000 --> 00:00:02,000\nx\n"):
        for encoding in ("utf-8-sig", "utf-16"):
            (found,) = truth(text, encoding=encoding)
            assert spans(found.events) == [(1.0, 2.0)], (text, encoding)


def test_what_cannot_be_true_is_refused_by_name(truth: Writer) -> None:
    assert "event at 2 s ends before it starts, at 1 s" in truth.refused(
        '{"events": [{"start_s": 2, "end_s": 1}]}'
    )
    for text in ("start,end\n2,1\n", "2.0\t1.0\n", "00:00:02,00:00:01\n",
                 "1\n00:00:02,000 --> 00:00:01,000\nx\n"):  # fmt: skip
        assert "ends before it starts" in truth.refused(text), text
    assert "not a number" in truth.refused('{"events": [{"start_s": NaN, "end_s": 1}]}')
    assert "row 3: 'soon' is not a time" in truth.refused("start,end\n1,2\nsoon,3\n")
    assert "line 2: 'end_s' is missing" in truth.refused(
        '{"start_s": 1, "end_s": 2}\n{"start_s": 1}\n'
    )
    for deep in ("[" * 100_000, '{"start_s": 1, "end_s": 2}\n' + "[" * 100_000):
        assert "nested too deeply" in truth.refused(deep)
    assert "row 1 has a start and no end" in truth.refused("1.5\n")
    assert "line 2 is not the time of a cue" in truth.refused("1\n1.5 --> 2.5\nx\n")
    rate = "TITLE: x\n001  AX V C 00:00:01:00 00:00:02:00 00:00:00:00 00:00:01:00\n"
    path = truth.folder / "list.edl"
    path.write_text(rate)
    with pytest.raises(UsageError, match="FRAME RATE"):
        read_truths(path)
    assert spans(read_truths(path, [Footage(frozenset({"x"}), 25.0)])[0].events) == [(1.0, 2.0)]
    for text in ("", "hello", "[]", '{"a": 1}', "a,b\n1,2\n", "\x00\x01", "[1, 2]"):
        found = truth.refused(text)
        assert "cannot be used as truth" in found and "DVR-Scan" in found, text


def test_dvr_scan(truth: Writer) -> None:
    """The columns of `dvr_scan/report.py` at commit 7b64f897, and what earlier versions print."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Event", "Start Time", "End Time", "Duration", "Start Frame", "End Frame"])
    writer.writerow([1, "00:00:03.0", "00:00:07.5", "00:00:04.5", 30, 75])
    writer.writerow([2, "00:00:10.0", "00:00:13.0", "00:00:03.0", 100, 130])
    assert spans(truth.one(out.getvalue())) == [(3.0, 7.5), (10.0, 13.0)]
    printed = "00:00:03.000,00:00:07.500,00:06:16.833,00:06:21.300\n"
    assert spans(truth.one(printed)) == [(3.0, 7.5), (376.833, 381.3)]
    assert spans(truth.one("00:06:16.833,00:06:21.300\n")) == [(376.833, 381.3)]
    assert truth.one("Event,Start Time,End Time,Duration,Start Frame,End Frame\n") == ()
    assert "no end" in truth.refused("00:00:01,00:00:02,00:00:03,00:00:04,00:00:05\n")


def test_pyscenedetect(truth: Writer) -> None:
    """The columns of `scenedetect.output.write_scene_list` 0.7.2, with and without the cut list."""
    header = (
        "Scene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame,End Timecode,"
        "End Time (seconds),Length (frames),Length (timecode),Length (seconds)\n"
    )
    rows = (
        "1,1,00:00:00.000,0.000,100,00:00:03.333,3.333,100,00:00:03.333,3.333\n"
        "2,101,00:00:03.333,3.333,480,00:00:16.000,16.000,380,00:00:12.667,12.667\n"
    )
    listed = "00:00:03.333,00:00:05.000\n"
    cuts = (f"Timecode List:,{listed}", listed, "00:00:03.333\n", "\n", "")
    for text in (first + header + rows for first in cuts):
        (found,) = truth(text)
        assert spans(found.events) == [(0.0, 3.333), (3.333, 16.0)]
        assert {event.kind for event in found.events} == {"scene"}
        assert [(cut.kind, cut.start_seconds) for cut in found.cuts] == [("cut", 3.333)]
    (other,) = truth((header + rows).replace(",", ";"))
    assert spans(other.events) == [(0.0, 3.333), (3.333, 16.0)]


def test_audacity_labels(truth: Writer) -> None:
    text = (
        "2.150000\t2.150000\tpoint\n3.400000\t6.100000\ta region, and more\n"
        "\\\t6928.456055\t7100.000000\n7.000000\t7.500000\t\n"
    )
    events = truth.one(text)
    assert spans(events) == [(2.15, 2.15), (3.4, 6.1), (7.0, 7.5)]
    assert [event.kind for event in events] == ["point", "a region, and more", "event"]
    assert spans(truth.one("2,150000\t2,250000\tcomma\n")) == [(2.15, 2.25)]


def test_plain_tables(truth: Writer) -> None:
    for text in (
        "start,end\n1.5,2\n00:01:02.5,1:03\n",
        "Start;End\n1,5;2,0\n62,5;63\n",
        "sep=;\nstart;end\n1.5;2\n62.5;63\n",
        "start_s\tend_s\n1.5\t2\n62.5\t63\n",
        "1.5,2\n62.5,63\n",
        "END_SECONDS,note,START_SECONDS\n2,x,1.5\n63,y,62.5\n",
        "1.5,2\r\n62.5,63\r\n",
    ):
        assert spans(truth.one(text)) == [(1.5, 2.0), (62.5, 63.0)], text
    found = truth("video,start,end,kind\nb.mp4,1,2,bolt\na.mp4,3,4,'=x\nb.mp4,5,6,\n")
    assert [(t.video, [e.kind for e in t.events]) for t in found] == [
        ("b.mp4", ["bolt", "event"]), ("a.mp4", ["=x"]),
    ]  # fmt: skip
    assert truth.one("1.5,2,bolt\n")[0].kind == "bolt"
    assert truth.refused("start,end\n2.5,1.5\n").endswith(
        "truth cannot be used as truth: the event at 2.5 s ends before it starts, at 1.5 s"
    )
    # Frames are counted at the rate of the video, 25 here.
    assert spans(truth.one("start,end\n00:00:01:05,00:00:02:00\n")) == [(1.2, 2.0)]
    assert "not a timecode at 25" in truth.refused("start,end\n00:00:01:25,00:00:02:00\n")


def test_other_edit_lists(truth: Writer) -> None:
    """As other programs write them: no rate, no handles, drop-frame with colons."""
    text = (
        "TITLE: STORM\nFCM: DROP FRAME\n\n"
        "001  STORM    V     C        00:01:00:02 00:01:01:00 01:00:00:00 01:00:00:28\n"
        "* FROM CLIP NAME: b.mp4\n"
        "002  STORM    V     D    012 00:10:00:00 00:10:01:00 01:00:00:28 01:00:01:28\n"
    )
    path = truth.folder / "other.edl"
    path.write_text(text)
    first, second = read_truths(path)
    rate = Fraction(30000, 1001)
    assert first.video == "b.mp4"
    assert first.events[0].start_seconds == pytest.approx(float(1800 / rate))
    assert second.events[0].start_seconds == pytest.approx(float(17982 / rate))


def test_the_sign_before_the_frames_says_whether_labels_are_dropped(tmp_path: Path) -> None:
    path, rate = tmp_path / "codes.csv", Fraction(30000, 1001)
    path.write_text("start,end\n00:01:08:27,00:01:08;29\n")
    for start, frames in (("", (2067, 2067)), ("00:00:00;00", (2065, 2067))):
        (found,) = read_truths(path, [Footage(frozenset(), float(rate), start)])
        assert spans(found.events) == [pytest.approx([float(n / rate) for n in frames])]


def test_peaks_that_nobody_stated_are_not_timed(truth: Writer) -> None:
    event = Event(1, "flash", 40, 45, 50, 1.6, 1.8, 2.0, 1.6, 2.0, 0.9, 1)
    for text, errors in (
        ("start,end\n1.6,2\n", ()),
        ("start,end,peak\n1.6,2,1.76\n", (pytest.approx(0.04),)),
        ("1.6\t2.0\tbolt\n", ()),
        ('{"events": [{"start_s": 1.6, "end_s": 2}]}', ()),
        ('{"events": [{"start_s": 1.6, "end_s": 2, "peak_s": 1.8}]}', (pytest.approx(0.0),)),
        ("1\n00:00:01,600 --> 00:00:02,000\nlightning\n", ()),
    ):
        found = score([event], truth.one(text))
        assert (found.hits, found.timing_errors_seconds) == (1, errors), text
        assert (found.pairs[0].peak_error_seconds is None) == (not errors), text
        assert (found.timing_median_seconds is None) == (not errors), text
