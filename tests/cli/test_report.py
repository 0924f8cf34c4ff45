"""`sightline report --bug`: all that reproduces a fault, and nothing that is private."""

from __future__ import annotations

import getpass
import json
import shutil
from datetime import datetime
from pathlib import Path

from core.config.profiles import resolve
from core.reports.bug_report import Redaction
from core.storage.runs import TaskRow
from tests.workbench import Cli, InProcess


def test_a_report_holds_what_reproduces_the_fault_and_no_name(
    cli: Cli, storm: Path, broken: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "Anna Muster's wedding"
    folder.mkdir()
    shutil.copy(storm, folder / "kiss.mp4")
    shutil.copy(broken, folder / "secret place.mp4")
    assert (
        cli.here("scan", folder, "--profile", "storm", "--set", "flash.sensitivity=0.7").code == 1
    )
    out = tmp_path / "bug.md"
    ran = cli.here("report", "--bug", "1", "--out", out)
    assert ran.code == 0 and "read it before you publish it" in ran.err
    text = out.read_text()
    for words in ("scan 1 (storm, done)", "1 failed", "source-2.mp4 (video", "## Doctor",
                  "numpy==", "scan 1: source-2.mp4 failed"):  # fmt: skip
        assert words in text, words
    for private in ("Anna", "wedding", "kiss", "secret", str(tmp_path), getpass.getuser() + "/"):
        assert private not in text, private
    # The profile in it is the one of the scan.
    profile = text.split("```toml\n")[1].split("```")[0]
    (tmp_path / "bug.toml").write_text(profile)
    again = resolve(str(tmp_path / "bug.toml"))
    assert again.hash() == resolve("storm", {"flash.sensitivity": 0.7}).hash()
    (body,) = (json.loads(cli.here("report", "--bug", "1", "--json", "--names").out),)
    assert body["failed"][0]["source"].endswith("Anna Muster's wedding/secret place.mp4")
    assert body["sources"] == {"done": 1, "failed": 1} and body["doctor"] and body["packages"]


def test_a_report_has_nothing_of_other_jobs(
    cli: Cli, storm: Path, broken: Path, tmp_path: Path
) -> None:
    """Names of other jobs' files are no business of a scan's report, nor are their lines."""
    assert cli.here("scan", storm, "--profile", "storm").code == 0
    (row,) = cli.here("runs", "list", "--json").json()
    stamp = datetime.fromisoformat(row["created"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    with (cli.library / "engine.log").open("a", encoding="utf-8") as log:
        for where, text in (
            ("sightline.scan", "'scan 7: /home/anna/TOPSECRET.mp4 failed: why'"),
            ("sightline.watch", "\"watch: complete: ['/home/anna/TOPSECRET.mp4']\""),
            ("sightline.models", "'/home/anna/my models/vit loaded on cpu: 4 MiB'"),
            ("sightline.engine", "'scan 1: something to know'"),
        ):
            log.write(f"{stamp},123 WARNING {where} {text}\n")
    text = cli.here("report", "--bug", "1").out
    assert "something to know" in text and "loaded on cpu" in text
    for private in ("TOPSECRET", "anna", "scan 7"):
        assert private not in text, private


def test_a_report_needs_a_scan(scanned: InProcess) -> None:
    assert scanned("report").code == 2
    none = scanned("report", "--bug", "99")
    assert none.code == 2 and "99" in none.err


def test_secrets_are_taken_out_even_with_names() -> None:
    for names in (True, False):
        hidden = Redaction([], keep_names=names)
        for text in ("hf_abcDEF123456789", "Authorization: Bearer abc.def", "api_key = xyzzy",
                     "https://me:pw@host/v1", "https://host/v1?sig=abc123"):  # fmt: skip
            said = hidden.of({"line": [text]})["line"][0]
            for secret in ("abcDEF", "abc.def", "xyzzy", "pw@", "abc123"):
                assert secret not in said, said
    shortened = Redaction([]).of("…/films/wedding/x.mp4 and …/y.mp4")
    assert shortened == "…/NAME.mp4 and …/y.mp4"
    task = TaskRow(1, 7, "/films/a b/x.mp4", "video", None, "failed", "", 0, 0, 0.0)
    said = Redaction([task]).of(
        "/films/a b/x.mp4 and /films/a b and /opt/x/y.so, first_token_seconds: 3, 1/2"
    )
    assert said == "source-7.mp4 and FOLDER and …/y.so, first_token_seconds: 3, 1/2"
