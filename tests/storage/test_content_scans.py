"""Which scan a file is shown of: one that read it, also where a newer one has the same settings."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.workbench import InProcess


def test_a_newer_scan_of_another_file_is_not_named(inside: InProcess, own_storm: Path) -> None:
    other = own_storm.with_name("other.mp4")
    shutil.copy(own_storm, other)
    with other.open("ab") as file:
        file.write(b"another content")
    assert inside("scan", own_storm, "--profile", "storm").code == 0
    assert inside("scan", other, "--profile", "storm").code == 0
    assert inside("judge", f"{own_storm}@1.36", "right").code == 0
    for path, scan in ((own_storm, 1), (other, 2)):
        (shown,) = inside("show", f"{path}@1.36", "--json").json()
        assert shown["scan"] == scan
    assert inside("note", f"{own_storm}@1.36", "--caption", "a bolt").code == 0
    head, hit = inside("search", "bolt", "--json").json()
    assert head["total"] == 1 and hit["scan"] == 1
