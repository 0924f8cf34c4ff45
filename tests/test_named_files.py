"""Files named on the command line: pipes and devices are refused, and never waited for."""

from __future__ import annotations

import os

from PIL import Image

from tests.workbench import InProcess


def test_pipes_and_devices_are_refused_wherever_a_file_is_named(inside: InProcess) -> None:
    pipe = inside.home / "pipe.toml"
    Image.new("RGB", (8, 8)).save(inside.home / "a.png")
    inside("scan", inside.home / "a.png", "--stages", "quality")
    os.mkfifo(pipe)
    for command in (
        ("score", "1", "--truth", pipe),
        ("score", "1", "--truth", "/dev/zero"),
        ("scan", inside.home / "a.png", "--profile", pipe, "--dry-run"),
        ("profiles", "validate", pipe),
        ("prompts", "import", pipe),
        ("prompts", "add", "mine", "--file", pipe),
        ("runs", "verify", "1", "--stage", "quality", "--golden", pipe),
    ):
        ran = inside(*command)
        assert ran.code == 2, (command, ran.out, ran.err)
        assert "is not a regular file" in ran.out + ran.err, (command, ran.out, ran.err)
