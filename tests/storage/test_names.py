"""Names of exported files: readable, allowed everywhere, never the same twice."""

from __future__ import annotations

import os
import random
import unicodedata
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some

from core.storage.export.names import Stems, fold, safe, stems
from core.storage.export.table import FORMATS, SourceWriter
from tests.storage.test_export import document

NFD = unicodedata.normalize("NFD", "Gewitter über Köln.mp4")
NFC = unicodedata.normalize("NFC", NFD)
FORBIDDEN = set('<>:"/\\|?*') | {chr(code) for code in range(32)}
SUFFIXES = [
    ".json", ".csv", ".statistics.csv", ".arrays.npz", ".vectors.npz", ".edl", ".legacy.json",
    ".legacy.pkl", ".txt", ".xmp",
]  # fmt: skip
OF_THE_SCAN = ["summary.json", "scan.jsonl", "scan.html", "scan.coco.json"]


def of(*paths: str) -> list[Stems]:
    found = stems([(path, "video") for path in paths])
    return [found[path] for path in paths]


def files(found: list[Stems]) -> list[str]:
    plain = [each.plain + suffix for each in found for suffix in SUFFIXES]
    return plain + [each.subtitle + suffix for each in found for suffix in (".srt", ".vtt")]


def test_the_suffixes_are_those_that_are_written(tmp_path: Path) -> None:
    written = SourceWriter(tmp_path, list(FORMATS)).write(document(), Stems("x", "y"))
    assert sorted(path.name for path in written) == sorted(
        ["x" + suffix for suffix in SUFFIXES] + ["y.srt", "y.vtt"]
    )


def test_names_are_kept_as_they_are() -> None:
    for name in ("b.mp4", "雨.mp4", "My clip (1).MP4", "Été à Nîmes.mkv", "👨‍👩‍👧.mov", "a'b&c.mp4",
                 "To be continued...mp4", NFD):  # fmt: skip
        (found,) = of(f"/footage/{name}")
        assert found == Stems(name, os.path.splitext(name)[0]), name


def test_same_names_are_told_apart() -> None:
    assert of("/1/a.mp4", "/2/a.mp4") == [Stems("a.mp4", "a.mp4"), Stems("a.mp4~2", "a.mp4~2")]
    assert of("/f/a.mp4", "/f/a.mkv") == [Stems("a.mp4", "a.mp4"), Stems("a.mkv", "a.mkv")]
    assert of("/f/A.mp4", "/f/a.mp4") == [Stems("A.mp4", "A.mp4"), Stems("a.mp4~2", "a.mp4~2")]
    # The subtitles of the first would be the whole name of the second.
    assert of("/f/a.mp4.mkv", "/f/a.mp4", "/f/a.mkv")[0] == Stems("a.mp4.mkv", "a.mp4.mkv")
    first, second = of(f"/f/{NFC}", f"/f/{NFD}")
    assert fold(first.plain) != fold(second.plain)
    assert of("/1/a.mp4", "/2/a.mp4", "/3/a.mp4~2")[2].plain == "a.mp4~2~2"
    # A picture beside a video, as cameras make them, does not take the video's subtitles.
    found = stems([("/f/IMG_1.JPG", "picture"), ("/f/IMG_1.MOV", "video")])
    assert found["/f/IMG_1.MOV"].subtitle == "IMG_1"
    assert found["/f/IMG_1.JPG"].subtitle == "IMG_1.JPG"


def test_they_depend_on_the_set_only() -> None:
    paths = [
        f"/{folder}/{name}" for folder in "abc" for name in ("x.mp4", "X.mp4", "x.mkv", "y.ts")
    ]
    expected = stems([(path, "video") for path in paths])
    for seed in range(5):
        mixed = random.Random(seed).sample(paths, len(paths))
        assert stems([(path, "video") for path in mixed]) == expected


def test_what_is_forbidden_somewhere_is_replaced() -> None:
    wrong = {
        "con.mp4": "_con.mp4", "LPT1": "_LPT1", "nul.tar.mp4": "_nul.tar.mp4",
        "COM¹.mp4": "_COM¹.mp4",
        "a:b?.mp4": "a_b_.mp4", "..hidden.mp4": "hidden.mp4", "a\x1b[2J\u202e.mp4": "a_[2J_.mp4",
        "\udce9t\udce9.mp4": "_t_.mp4", "...": "source", "console.mp4": "console.mp4",
        "x.statistics": "x.statistics_", "tail. ": "tail", "scan": "scan~2", "summary": "summary~2",
    }  # fmt: skip
    for name, expected in wrong.items():
        assert of(f"/f/{name}")[0].plain == expected, name


def test_a_long_name_is_cut_by_bytes_and_stays_apart() -> None:
    long = [f"/f/{'雨' * 80}{n}.mp4" for n in range(3)]
    found = of(*long)
    assert len({fold(each.plain) for each in found}) == 3
    for each in found:
        assert len(each.plain.encode()) <= 160 and each.plain.endswith(".mp4")
        assert each.plain.startswith("雨" * 40)
        assert len(f"{each.subtitle}.srt".encode()) <= 255
    assert found[0].subtitle == "雨" * 80 + "0"
    assert safe("x" * 300, 50) == safe("x" * 300, 50) != safe("x" * 301, 50)


NAMES = some.text(
    some.sampled_from("aAbß.~ 1:ée\u0301雨\u202e\udcff\x00-conprnCON"), min_size=1, max_size=12
).filter(lambda name: "/" not in name and "\0" not in name)


@settings(max_examples=150, deadline=None)
@given(paths=some.lists(some.tuples(some.sampled_from("12"), NAMES), min_size=1, max_size=12))
def test_no_two_files_are_the_same_anywhere(paths: list[tuple[str, str]]) -> None:
    unique = sorted({f"/{folder}/{name}" for folder, name in paths})
    names = files(of(*unique)) + OF_THE_SCAN
    assert len({fold(name) for name in names}) == len(names)
    for name in names:
        assert not FORBIDDEN & set(name) and name[0] not in ". " and name[-1] not in ". "
        assert len(name.encode("utf-8")) <= 255
        assert fold(name.split(".")[0]) not in {"con", "prn", "aux", "nul", "com1", "lpt1"}


def test_subtitles_of_others_are_not_written_over(tmp_path: Path) -> None:
    mine = "1\n00:00:01,000 --> 00:00:02,000\nWhere were you?\n\n"
    (tmp_path / "film.srt").write_text(mine)
    names = Stems("film.mp4", "film")
    written = SourceWriter(tmp_path, ["srt", "vtt"]).write(document(), names)
    assert [path.name for path in written] == ["film.mp4.srt", "film.vtt"]
    assert (tmp_path / "film.srt").read_text() == mine
    for _ in range(2):  # ours are replaced, as everything else that was exported before
        written = SourceWriter(tmp_path / "new", ["srt", "vtt"]).write(document(), names)
        assert [path.name for path in written] == ["film.srt", "film.vtt"]
