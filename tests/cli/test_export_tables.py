"""Tables, cut-offs and the size of an export, from the shell."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from core.protocol.queries import ExportRequest
from core.reports.export_size import export_size
from core.reports.narrowing import FilteredResults
from core.reports.still_readers import StillReaders
from core.storage.library import Library
from tests.workbench import STROKES, Cli


def rows_of(cli: Cli, *options: str) -> list[dict[str, object]]:
    done = cli.here("results", "1", "--json", *options)
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_table_has_the_rows_of_results_in_their_order(scanned: Cli, tmp_path: Path) -> None:
    order = ("--sort", "score", "--descending", "--what", "candidates")
    wanted = rows_of(scanned, *order)
    table = tmp_path / "a b.csv"
    table.write_text("mine")
    done = scanned.here("export", "1", "--table", table, "--table", tmp_path / "c.jsonl", *order)
    assert done.code == 0 and done.out.splitlines() == [str(table), str(tmp_path / "c.jsonl")]
    assert f"{len(wanted)} rows written to" in done.err
    with table.open(newline="") as file:
        keys = [row["key"] for row in csv.DictReader(file)]
    assert keys == [row["key"] for row in wanted]
    lines = (tmp_path / "c.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in lines] == keys
    assert not (Path.cwd() / "sightline-export").exists()


def test_a_cut_off_leaves_out_lower_scores_of_its_kind(scanned: Cli, tmp_path: Path) -> None:
    events = rows_of(scanned)
    least = sorted(float(str(row["score"])) for row in events)[len(events) // 2]
    kept = [row for row in events if float(str(row["score"])) >= least]
    assert rows_of(scanned, "--cut-off", f"flash={least!r}") == kept
    assert rows_of(scanned, "--cut-off", "motion=0.999") == events
    out = tmp_path / "out"
    cut = ("--cut-off", f"flash={least!r}", "--format", "json", "--out", out)
    assert scanned.here("export", "1", *cut).code == 0
    (file,) = [each for each in out.glob("*.json") if each.name != "summary.json"]
    body = json.loads(file.read_text())
    assert len(body["events"]) == len(kept) and "flash from" in body["filter"]


def test_how_large_an_export_would_be(scanned: Cli, tmp_path: Path) -> None:
    done = scanned.here("export", "1", "--dry-run", "--json")
    size = json.loads(done.out)
    assert size["events"] == size["pictures"] == STROKES and size["clips"] == 1
    assert 0 < size["picture_bytes"] < 10_000_000 and size["clip_bytes"] > 0
    words = scanned.here("export", "1", "--dry-run").out.splitlines()
    assert words[0] == f"{STROKES} events" and words[1].endswith("if copied")
    none = scanned.here("export", "1", "--dry-run", "--filter", "score>2")
    assert none.out.startswith("0 events")
    done = scanned.here("export", "1", "--pictures", "--out", tmp_path)
    made = sum(each.stat().st_size for each in tmp_path.glob("*.jpg"))
    assert 0.5 < size["picture_bytes"] / made < 2


def test_no_event_takes_no_space(scanned: Cli) -> None:
    readers = StillReaders()
    with_none = Library(scanned.library, writable=False)
    found = FilteredResults(with_none, 1, "", (("flash", 0.5),))
    assert found.text == "flash from 0.5"
    size = export_size(with_none, readers, ExportRequest(1, "is:rejected"))
    assert (size.events, size.picture_bytes) == (0, 0)
    with_none.close()
    readers.close()


def test_wrong_tables_and_cut_offs_are_refused(scanned: Cli, tmp_path: Path) -> None:
    for options, said in (
        (("--table", tmp_path / "a.xls"), "must end in .csv or .jsonl"),
        (("--cut-off", "flash"), "write KIND=SCORE"),
        (("--cut-off", "flash=x", "--table", tmp_path / "a.csv"), "write KIND=SCORE"),
        (("--cut-off", "=0.5"), "write KIND=SCORE"),
        (("--cut-off", "flahs=0.5", "--dry-run"), "unknown kind:flahs"),
        (("--cut-off", "flahs=0.5", "--table", tmp_path / "a.csv"), "unknown kind:flahs"),
    ):
        done = scanned.here("export", "1", *options)
        assert done.code == 2 and said in done.err
    assert not list(tmp_path.glob("a.*"))
