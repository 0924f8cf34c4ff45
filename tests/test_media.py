"""Real footage and real broken files, where the media folder is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workbench import Cli

pytestmark = pytest.mark.media


def test_broken_pictures_fail_one_by_one_with_a_reason(cli: Cli, media: Path) -> None:
    ran = cli.here("scan", media / "images" / "broken", "--json")
    assert ran.code == 1
    ended = ran.of("TaskFinished")
    assert len(ended) >= 10
    assert all(task["reason"] for task in ended if task["state"] == "failed")
    assert {task["state"] for task in ended} == {"done", "failed"}
    again = cli.here("scan", media / "images" / "broken", "--json").of("ScanFinished")[0]
    assert again["done"] == 0


def test_real_lightning_is_found_and_shown(cli: Cli, media: Path) -> None:
    clips = sorted((media / "videos" / "lightning").iterdir(), key=lambda path: path.stat().st_size)
    video = next(path for path in clips if path.suffix in (".mp4", ".webm", ".ogv", ".mkv"))
    ran = cli.here("scan", video, "--profile", "storm", "--json", "--sensitivity", "0.6")
    assert ran.code in (0, 1)
    moments = ran.of("MomentFound")
    assert moments, f"no flash in {video.name}"
    shown = cli.here("show", f"{video}@{moments[0]['peak_seconds']}", "--picture", "peak.jpg")
    assert shown.code == 0
    assert (cli.home / "peak.jpg").read_bytes().startswith(b"\xff\xd8")
