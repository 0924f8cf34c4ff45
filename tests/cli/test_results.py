"""Looking at results: show, export, score, runs, demo, doctor, help."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.cli.results import measured
from core.storage.export.table import FORMATS
from tests.workbench import STROKES, Cli, InProcess

HEAVY = (
    "torch", "transformers", "numpy", "av", "decord", "PIL", "pydantic", "textual",
    "qdrant_client", "open_clip", "huggingface_hub",
)  # fmt: skip


def test_show_tells_everything_about_an_instant(scanned: Cli, storm: Path, tmp_path: Path) -> None:
    ran = scanned(
        "show", f"{storm}@00:00:01.360", "--picture", tmp_path / "peak.jpg", "--size", "160"
    )
    assert ran.code == 0
    for words in ("frame 34", "event 1 flash", "h264 320x180", "accepted", "made by sightline"):
        assert words in ran.out, words
    with Image.open(tmp_path / "peak.jpg") as picture:
        assert picture.size == (160, 90)
    scanned("show", f"{storm}@1.2", "--picture", tmp_path / "dark.jpg")
    assert brightness(tmp_path / "peak.jpg") > brightness(tmp_path / "dark.jpg") + 10


def test_show_prints_no_empty_fields(cli: Cli, storm: Path) -> None:
    cli.here("scan", storm, "--stages", "flash,cut,quality,dedupe", "--set", "cut.sensitivity=0.9")
    for time in ("", "@1.36", "@1.0"):
        out = cli.here("show", f"{storm}{time}").out
        assert "None" not in out, out
        assert not [line for line in out.splitlines() if line.endswith(":")], out
    assert " px at " in cli.here("show", f"{storm}@1.36").out


def brightness(path: Path) -> float:
    with Image.open(path) as picture:
        return float(np.asarray(picture).mean())


def test_show_json_is_one_object_with_all_of_it(scanned: Cli, storm: Path, pictures: Path) -> None:
    (body,) = scanned("show", f"{storm}@1.36", "--json").json()
    assert body["frame"] == 34 and body["moments"][0]["kind"] == "flash"
    assert set(body["measurements"]) == {"flash", "motion", "cut", "quality", "dedupe"}
    assert body["provenance"]["stages"]["flash"] >= 1
    (quiet,) = scanned("show", f"{storm}@1.0", "--json").json()
    assert not [m for m in quiet["moments"] if m["kind"] == "flash"]
    bright, dark = (each["measurements"]["flash"] for each in (body, quiet))
    assert bright["likeness"] > 0.5 and bright["energy"] > 10 * dark["energy"]
    assert not [name for name in bright if name.startswith(("mean_", "change_"))]
    (picture,) = scanned("show", pictures / "dark.png", "--json").json()
    assert "dark" in picture["candidates"][0]["reason"]


def test_a_picture_that_cannot_be_written_is_no_defect(scanned: Cli, storm: Path) -> None:
    ran = scanned("show", f"{storm}@1.36", "--picture", "/no/such/folder/x.jpg")
    assert ran.code == 4 and "/no/such/folder" in ran.err


def test_show_reads_a_files_name_that_has_an_at_sign(cli: Cli, storm: Path, tmp_path: Path) -> None:
    odd = Path(shutil.copy(storm, tmp_path / "cam@home.mp4"))
    cli.here("scan", odd, "--profile", "storm")
    assert cli.here("show", f"{odd}@1.36").code == 0


def test_every_format_is_exported_and_read_back(scanned: Cli, tmp_path: Path) -> None:
    formats = [word for name in FORMATS for word in ("--format", name)]
    ran = scanned("export", "1", *formats, "--out", tmp_path)
    assert ran.code == 0
    files = {str(Path(line).relative_to(tmp_path)) for line in ran.out.splitlines()}
    assert files == {
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    }
    for name, each in FORMATS.items():
        if name == "masks":  # there are none
            continue
        if each.per == "folder":
            assert f"scan{each.suffix}/data.yaml" in files
            continue
        stem = "scan" if each.per == "scan" else ("storm" if each.subtitles else "storm.mp4")
        assert f"{stem}{each.suffix}" in files, name
    events = json.loads((tmp_path / "storm.mp4.json").read_text())["events"]
    flashes = [event for event in events if event["kind"] == "flash"]
    assert len(flashes) == STROKES
    rows = list(csv.DictReader(io.StringIO((tmp_path / "storm.mp4.csv").read_text())))
    assert len(rows) == len(events)
    with np.load(tmp_path / "storm.mp4.arrays.npz") as arrays:
        assert arrays["flash.values"].shape[0] == 200
    assert len((tmp_path / "storm.mp4.statistics.csv").read_text().splitlines()) == 201
    assert (tmp_path / "storm.srt").read_text().count("-->") == len(events)
    page = (tmp_path / "scan.html").read_text()
    assert page.count("data:image/jpeg;base64,") == len(events)
    lines = [json.loads(line) for line in (tmp_path / "scan.jsonl").read_text().splitlines()]
    assert len(lines) == len(events)


def test_score_against_the_truth(scanned: Cli, storm: Path, tmp_path: Path) -> None:
    truth = storm.with_name("storm.mp4.truth.json")
    ran = scanned("score", "1", "--truth", truth)
    assert ran.code == 0
    assert "recall     1.000" in ran.out and "precision  1.000" in ran.out
    body = json.loads(truth.read_text())
    body["events"][0]["start_s"] = body["events"][0]["end_s"] = 0.4
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(body))
    (found,) = scanned("score", "1", "--truth", wrong, "--json").json()
    assert (found["hits"], found["true"], found["right"]) == (4, 5, 4)
    assert len(found["misses"]) == len(found["false_alarms"]) == 1
    assert "missed       00:00:00.400" in scanned("score", "1", "--truth", wrong).out
    wrong.write_text("[]")
    assert scanned("score", "1", "--truth", wrong).code == 2


def test_runs_are_listed_shown_and_verified(cli: Cli, own_storm: Path, pictures: Path) -> None:
    cli.here("scan", own_storm, pictures / "one.png", "--profile", "quick")
    assert "done" in cli.here("runs", "list").out
    (line,) = cli.here("runs", "list", "--json").json()
    assert (line["sources"], line["done"], line["left"]) == (2, 2, 0)
    assert [task["frames"] for task in cli.here("runs", "show", "1", "--json").json()] == [200, 1]
    verified = cli.here("runs", "verify", "1")
    assert (verified.code, verified.out.count("same ")) == (0, 2)
    assert cli.here("runs", "resume", "1").code == 2
    own_storm.write_bytes(own_storm.read_bytes() + b"\0")
    changed = cli.here("runs", "verify", "1", "--json")
    assert changed.code == 1
    assert [body["state"] for body in changed.json()] == ["changed", "same"]
    own_storm.unlink()
    assert cli.here("runs", "verify", "1").out.startswith("skipped")


def test_a_scan_whose_stages_replaced_those_of_its_profile_says_so(
    inside: InProcess, pictures: Path
) -> None:
    inside("scan", pictures / "one.png", "--profile", "quick", "--stages", "quality")
    inside("scan", pictures / "one.png", "--profile", "quick")
    plain, replaced = inside("runs", "list", "--json").json()
    assert (plain["stages"], replaced["stages"]) == ([], ["quality"])
    assert replaced["profile"] == "quick"
    assert inside("runs", "list").out.count("quick (quality)") == 1


def test_the_demo_finds_its_own_strokes(cli: Cli) -> None:
    ran = cli.here("demo")
    assert ran.code == 0
    assert "recall     1.000" in ran.out and "precision  1.000" in ran.out
    assert (cli.home / "demo" / "report" / "scan.html").exists()
    assert not cli.library.exists(), "the demo keeps a library of its own"


def test_doctor_json_is_one_object(cli: Cli) -> None:
    ran = cli("doctor", "--json")
    assert ran.code in (0, 4)
    assert len(ran.json()) == 1


@pytest.mark.parametrize(
    "args", [["--help"], ["--version"], ["scan", "--help"], ["runs", "--help"]]
)
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys\nfrom core.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout
    assert done.stderr.strip() == "[]"


def test_an_energy_is_printed_without_an_exponent() -> None:
    for energy, words in ((42033.062, "42033.1"), (224400.0, "224400"), (3.25, "3.25")):
        row = {"score": 0.9995, "energy": energy, "strokes": [{}, {}]}
        assert measured(row) == f"score 0.9995  energy {words}  2 strokes"
