"""Numbers agree with their nouns and verbs: in what is printed, and wherever text is made."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.protocol.state import EngineState, ScanState, WatchState
from core.text import counted
from tests.workbench import Cli

ROOT = Path(__file__).parents[1]
NOUNS = (
    "source", "event", "frame", "scan", "file", "folder", "clip", "picture", "model", "package",
    "core", "viewer", "row", "setting", "change", "candidate", "answer", "question", "packet",
    "time", "video", "label", "token", "byte", "stroke", "link", "second", "line", "moment",
)  # fmt: skip
ONE_OF_MANY = re.compile(rf"(?<![\d.,/:@-])1 (?:[a-z]+ )?(?:{'|'.join(NOUNS)})s\b")
MANY_OF_ONE = re.compile(rf"(?<![\d.,/:@-])(?:0|[2-9]|[1-9]\d+) (?:{'|'.join(NOUNS)})\b(?! no)")
VERB = re.compile(rf"(?<![\d.,-])1 (?:{'|'.join(NOUNS)}) (?:are|were|have|differ)\b")
PLURAL = re.compile(r"^ (?:[a-z]+ )?(\w+s)\b|^ (?:[a-z]+ )?(?:are|were|have)\b")
# Words behind a value that is no number, units, and constants that are never 1.
VERBS = frozenset(
    ("is", "was", "has", "does", "needs", "lacks", "runs", "takes", "holds", "sees", "serves",
     "computes", "finds", "knows", "wants", "forbids", "stops", "goes", "lists", "exists", "lasts",
     "writes", "provides", "fps", "its", "this", "results", "less", "as", "stands", "begins",
     "belongs", "names", "equals", "refuses", "fails", "keeps", "continues", "ends", "rejects",
     "accepts", "supports", "comes", "sets")
)  # fmt: skip
NEVER_ONE = frozenset(
    {
        ("core/doctor/models.py", "families"), ("core/engine/jobs/watch.py", "seconds"),
        ("core/inference/verify.py", "frames"),  # part of what a model is asked
        ("core/synthetic/lightning.py", "flashes"), ("core/synthetic/lightning.py", "frames"),
        ("core/models/preprocessing.py", "pixels"), ("core/models/smoke_test.py", "pictures"),
        ("core/models/smoke_test.py", "texts"), ("core/models/weights.py", "bytes"),
        ("core/models/families/open_clip_files.py", "files"),  # more than one
        ("core/models/families/open_clip_files.py", "weights"),  # these stand behind a name
        ("core/models/load_report.py", "weights"), ("core/models/weights.py", "weights"),
        ("tui/screens/reviewing.py", "events"),  # of a kind
        ("core/models/quantised_check.py", ""), ("core/models/quantised_files.py", "weights"),
        ("core/models/quantised_files.py", "bits"),
        ("tui/terminal/clipboard.py", "bytes"), ("core/text.py", ""), ("core/hub/disk.py", ""),
        ("core/device/quantisation.py", ""), ("core/device/capability.py", "sees"),
        ("core/models/endpoint/connection.py", "characters"), ("tui/keys/user_keys.py", ""),
        ("tui/screens/profiles.py", "changes"), ("core/protocol/fact_line.py", "tokens"),
        ("core/reports/forecast.py", "frames"), ("core/sources/presentation.py", "degrees"),
        ("core/reports/scoring.py", "sources"), ("core/sources/gps.py", ""),
        ("core/sources/video.py", "recordings"),
        ("core/service/server.py", "rows"),
        ("core/sources/container.py", "streams"), ("core/sources/depth.py", "bits"),
        ("core/sources/facts.py", "streams"), ("core/sources/presentation.py", "degrees"),
        ("core/sources/to_srgb.py", "bytes"), ("core/sources/video.py", "recordings"),
        ("core/config/answer_schema.py", "bytes"), ("core/inference/answer_bodies.py", "frames"),
        ("core/storage/export/masks.py", "pixels"),
    }
)  # fmt: skip


def wrong(text: str) -> list[str]:
    """Return what disagrees in a text."""
    return [found[0] for rule in (ONE_OF_MANY, MANY_OF_ONE, VERB) for found in rule.finditer(text)]


def test_counted() -> None:
    said = [counted(n, "source") for n in (0, 1, 2, 1001)]
    assert said == ["0 sources", "1 source", "2 sources", "1001 sources"]
    assert counted(1, "scan is", "scans are") == "1 scan is"
    assert counted(2, "match", "matches") == "2 matches"
    assert (counted(1.0, "core"), counted(1.5, "core")) == ("1 core", "1.5 cores")


def test_the_rules_find_what_is_wrong() -> None:
    for text in ("scan 1: 1 sources, 0 known", "1 scans are running", "2 event found",
                 "1 true events", "1 frame were left out", "0 file written"):  # fmt: skip
        assert wrong(text), text
    for text in ("1 source, 2 events", "scan 1 sources", "@00:00:01 frames", "1.1 frames",
                 "21 frames", "0 sources"):  # fmt: skip
        assert text == "scan 1 sources" or not wrong(text), text


def plurals_behind_values(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Yield line, word and value where an f-string puts a plural right behind a value."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, text in zip(node.values, node.values[1:], strict=False):
            if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                found = PLURAL.match(str(text.value))
                if found and "counted(" not in ast.unparse(value):
                    yield node.lineno, found[1] or "", ast.unparse(value.value)


def test_no_text_puts_a_fixed_plural_behind_a_number() -> None:
    found = [
        f"{name}:{line}: {{{value}}} {word}; use core.text.counted"
        for folder in ("core", "tui")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in [str(path.relative_to(ROOT))]
        for line, word, value in plurals_behind_values(ast.parse(path.read_text()))
        if word not in VERBS and (name, word) not in NEVER_ONE
    ]
    assert found == []


@pytest.mark.parametrize("several", [False, True])
def test_what_is_printed_agrees(
    cli: Cli, storm: Path, pictures: Path, broken: Path, several: bool
) -> None:
    paths = (storm, broken, *pictures.iterdir()) if several else (storm,)
    quick = ("--profile", "quick")
    calls: list[tuple[str | Path, ...]] = [
        ("scan", *paths, "--dry-run", *quick), ("-v", "scan", *paths, *quick, "--out", "out"),
        ("scan", *paths, *quick), ("scan", pictures, "--profile", "storm"), ("status",),
        ("runs", "list"), ("results",), ("show", f"{storm}@1.36"), ("doctor",),
        ("export", "1", "--out", "html", "--format", "html", "--format", "srt"),
        ("score", "1", "--truth", storm.with_name("storm.mp4.truth.json")),
    ]  # fmt: skip
    for args in calls:
        ran = cli.here(*args)
        assert wrong(ran.out + ran.err) == [], args
    page = (cli.home / "html" / "scan.html").read_text()
    assert wrong(re.sub(r"<style>.*?</style>|data:[^\"]*", "", page, flags=re.DOTALL)) == []


def test_what_the_app_shows_agrees() -> None:
    from tui.views import queue

    for number in (0, 1, 2):
        scans = (ScanState(1, "storm", "running", number, 0, 0, number, ()),)
        watch = WatchState("/in", "storm", 0, number, "")
        state = EngineState(0, "/lib", scans, watches=(watch,) * number)
        row = {"scan": 1, "number": 9, "path": "/a", "reason": "", "kind": "video", "state": "done",
               "frames": number, "moments": number, "seconds": 1.0}  # fmt: skip
        lines = [*queue.watched(state), *queue.detail(row, state)]
        lines.append(queue.summary(state) if hasattr(queue, "summary") else "")
        assert [found for line in lines for found in wrong(line)] == []
