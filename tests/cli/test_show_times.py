"""A time that was printed shows the frame it was printed of, whatever the rate of the footage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.cli.moments import split_moment as _split
from core.config.spec import Spec
from core.errors import UnknownName, UsageError
from core.protocol.instant_view import InstantView
from core.records import Event, SourceInfo
from core.screening.registry import create
from core.service.reading import Records
from core.storage.library import Library
from core.storage.runs import TaskRow
from core.stores.results import Result
from core.stores.series import SeriesHeader, SeriesPart
from core.text import clean
from core.timecodes import frames_to_timecode, seconds_to_frames, timecode_rate, timecode_to_frames
from core.times import reference, timecode

PATH = "/footage/a@5 b.mp4"
RATES = ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "120", "240")
COLUMNS = create("flash").columns


def info(rate: float | None, **metadata: str) -> SourceInfo:
    return SourceInfo(
        PATH, "video", "b2:0", 1, 64, 48, "mp4", "h264", frame_rate=rate, metadata=dict(metadata)
    )


def moment(frame: int, seconds: float, kind: str = "flash") -> Event:
    return Event(1, kind, frame, frame, frame, seconds, seconds, seconds, seconds, seconds, 1.0, 1)


class Kept:
    """A library written by hand: scans of one file, with the times of its frames."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.records = Records(library)

    def add(
        self, source: SourceInfo, indices: list[int], times: list[float], found: list[int],
        **settings: object,
    ) -> int:  # fmt: skip
        """Keep a scan that measured frames `indices` at `times`, with an event at each `found`."""
        spec = Spec.model_validate({"stages": ("flash",), **settings})
        key, results = f"track:{spec.hash()}", self.library.results
        results.remember([(source, 1)])
        series = self.library.series
        series.begin([SeriesHeader(key, source.content, "flash", 1, {})])
        values = np.zeros((len(indices), len(COLUMNS)), np.float32)
        part = SeriesPart(0, np.array(indices, np.int64), np.array(times), values)
        series.append({key: part})
        events = tuple(
            replace(moment(f, times[indices.index(f)]), number=n) for n, f in enumerate(found, 1)
        )
        tracks = {"flash": key}
        results.keep(
            [Result(source.content, spec.hash(), len(times), "", (), {}, tracks, (), events)]
        )
        row = TaskRow(
            0, 1, source.path, "video", source.content, "done", "", len(times), len(found), 0.0
        )
        dump = spec.model_dump(mode="json")
        return self.library.runs.create("mine", dump, spec.hash(), {"paths": []}, [row])

    def show(self, line: str) -> InstantView:
        path, when = _split(line)
        assert path == PATH
        return self.records.instant(path, when)


@contextmanager
def kept(folder: Path) -> Iterator[Kept]:
    library = Library(folder)
    try:
        yield Kept(library)
    finally:
        library.close()


def frames_of(rate: Fraction, count: int = 400) -> list[float]:
    """Times of frames some way into a recording, where milliseconds fall anywhere."""
    return [float((n + 7000) / rate) for n in range(count)]


def test_a_printed_time_shows_its_own_frame_at_every_rate(tmp_path: Path) -> None:
    for name in RATES:
        rate, folder = Fraction(name), tmp_path / name.replace("/", "-")
        times = frames_of(rate)
        with kept(folder) as library:
            library.add(info(float(rate)), list(range(400)), times, [])
            for frame in range(0, 400, 13):
                view = library.show(f"{PATH}@{timecode(times[frame])}  flash  score 0.5  2 frames")
                assert (view.frame, view.picture_seconds) == (frame, times[frame]), name


def test_a_printed_time_shows_its_own_frame_of_a_variable_rate(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.004, 0.4, 300)).tolist()
    with kept(tmp_path) as library:
        library.add(info(5.0), list(range(300)), times, [])
        for frame, seconds in enumerate(times):
            assert library.show(f"{PATH}@{timecode(seconds)}").frame == frame


def test_a_pasted_line_tells_frames_within_one_millisecond_apart(tmp_path: Path) -> None:
    times = frames_of(Fraction(5000))
    with kept(tmp_path) as library:
        scan = library.add(info(5000.0), list(range(400)), times, [101, 102, 103])
        for frame in (101, 102, 103):
            line = f"{PATH}@{timecode(times[frame])}  flash  score 1  1 frame  "
            view = library.show(line + reference(frame, scan))
            assert (view.frame, view.seconds) == (frame, times[frame])


def test_a_pasted_line_is_shown_as_its_own_scan_saw_it(tmp_path: Path) -> None:
    times = frames_of(Fraction(30))
    every = list(range(400))
    with kept(tmp_path) as library:
        first = library.add(info(30.0), every, times, [61])
        second = library.add(info(30.0), every, times, [80], flash={"sensitivity": 0.9})
        line = f"{PATH}@{timecode(times[61])}  flash  score 1  1 frame"
        named = library.show(f"{line}  {reference(61, first)}")
        assert (named.scan, named.frame, len(named.moments)) == (first, 61, 1)
        assert library.show(line).scan == first, "the newest scan that holds the event"
        assert library.show(f"{PATH}@{timecode(times[80])}").scan == second
        assert library.show(f"{PATH}@{timecode(times[200])}").scan == second, "the newest of all"
        gone = library.show(f"{line}  {reference(61, 99)}")
        assert gone.frame == 61, "a scan that was removed is no reason to show nothing"


@pytest.mark.parametrize("start", ["", "10:00:00:00", "00:59:59;20"])
def test_timecodes_are_counted_as_the_edl_counts(tmp_path: Path, start: str) -> None:
    for name in RATES[:8]:
        rate = Fraction(name)
        if ";" in start and name not in ("30000/1001", "60000/1001"):
            continue
        source = info(float(rate), **({"timecode": start} if start else {}))
        count = timecode_rate(float(rate), start)
        first = timecode_to_frames(start, count) if start else 0
        times = frames_of(rate)
        with kept(tmp_path / f"{name.replace('/', '-')}{start}") as library:
            library.add(source, list(range(400)), times, [])
            for frame in range(0, 400, 29):
                label = frames_to_timecode(first + seconds_to_frames(times[frame], count), count)
                assert library.show(f"{PATH}@{label}").frame == frame, (name, label)


def test_a_colon_drops_no_labels_where_the_source_states_no_timecode(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    times = [float((n + 2000) / rate) for n in range(400)]
    with kept(tmp_path / "none") as library:
        library.add(info(float(rate)), list(range(400)), times, [])
        for label in ("00:01:08:27", "00:01:08;29"):  # both the 2067th since the start
            assert library.show(f"{PATH}@{label}").frame == 67, label
    with kept(tmp_path / "drop") as library:
        library.add(info(float(rate), timecode="00:00:00;00"), list(range(400)), times, [])
        assert library.show(f"{PATH}@00:01:08:29").frame == 67, "the source's own way"


def test_a_line_of_a_name_that_is_printed_otherwise_can_be_pasted(tmp_path: Path) -> None:
    names = ("/footage/new\nline.mp4", "/footage/\x1b[31m.mp4", "/footage/\udcff.mp4")
    times = frames_of(Fraction(30))
    for number, name in enumerate(names):
        with kept(tmp_path / str(number)) as library:
            scan = library.add(replace(info(30.0), path=name), list(range(400)), times, [61])
            line = clean(f"{name}@{timecode(times[61])}  flash  {reference(61, scan)}")
            view = library.records.instant(*_split(line))
            assert (view.info.path, view.frame) == (name, 61)
            other = clean(f"{name}@{timecode(times[61])}  flash  {reference(61, scan + 1)}")
            with pytest.raises(UnknownName, match="not in this library"):
                library.records.instant(*_split(other))


def test_a_timecode_that_cannot_be_counted_is_refused(tmp_path: Path) -> None:
    with kept(tmp_path / "a") as library:
        library.add(info(None), [0], [0.0], [])
        with pytest.raises(UsageError, match="frame rate is unknown"):
            library.show(f"{PATH}@00:00:02:15")
    with kept(tmp_path / "b") as library:
        library.add(info(25.0, timecode="10:00:00:00"), [0, 1], [0.0, 0.04], [])
        for text, words in (
            ("00:00:02:15", "begins at 10:00:00:00"), ("10:00:00;01", "is drop-frame"),
            ("10:00:00:25", "not a timecode at 25"), ("10:00:61:00", "not a timecode at 25"),
        ):  # fmt: skip
            with pytest.raises(UsageError, match=words):
                library.show(f"{PATH}@{text}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("83.5", 83.5), ("1:23.5", 83.5), ("00:01:23.500", 83.5), ("00:01:23,500", 83.5), ("0", 0.0),
     ("100:00:00", 360000.0), ("90:00", 5400.0), ("1:2:3", 3723.0),
     ("0.6684491978609626", 0.6684491978609626), ("2.033333333333333", 2.033333333333333)],
)  # fmt: skip
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    assert _split(f"x.mp4@{text}")[1].seconds == seconds


@pytest.mark.parametrize(
    "text", ["soon", "nan", "inf", "-1", "1e3", "1:2:3:4:5", "0:61", "1:60:00", ":5", ""]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a time"):
        _split(f"x.mp4@{text}")


def test_nothing_is_no_moment_of_the_folder_one_is_in() -> None:
    for text in ("", " "):  # as of a shell variable that is not set
        with pytest.raises(UsageError, match="no time given"):
            _split(text)


def test_a_file_whose_name_holds_a_time(tmp_path: Path) -> None:
    odd = tmp_path / "a@1:30 b.mp4"
    odd.touch()
    path, when = _split(f"{odd}@00:00:02.033  caption  taken @5 in the morning  (frame 61, scan 3)")
    assert (path, when.seconds, when.frame, when.scan) == (str(odd), 2.033, 61, 3)
    assert replace(when, frame=None).tolerance_seconds < 0.00051
