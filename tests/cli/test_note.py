"""`sightline note`: tags and captions of moments, and sidecar files there and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import parse

from tests.workbench import InProcess, texture

CAPTION = "a <bolt> & ]]> thunder \u7a32\u59bb"


@pytest.fixture
def own(inside: InProcess, own_storm: Path) -> InProcess:
    """A library with a scan of a clip, and of two pictures beside it."""
    for name in ("a", "b"):
        texture(ord(name)).save(own_storm.with_name(f"{name}.png"))
    assert inside("scan", own_storm.parent, "--profile", "quick").code == 0
    assert inside("scan", own_storm, "--profile", "storm").code == 0
    return inside


def noted(cli: InProcess, moment: str | Path) -> dict[str, Any]:
    (body,) = cli("note", moment, "--json").json()
    assert body["type"] == "Note"
    return dict(body)


def test_a_note_is_added_changed_and_removed(own: InProcess, own_storm: Path) -> None:
    at = f"{own_storm}@1.36"
    ran = own("note", at, "--tag", "anvil, dusk", "--tag", "anvil", "--caption", CAPTION, "--mark")
    assert ran.code == 0, ran.err
    assert "MARKED" in ran.out and "(frame 34, scan " in ran.out and "tags: anvil, dusk" in ran.out
    body = noted(own, at)
    assert (body["tags"], body["caption"]) == (["anvil", "dusk"], CAPTION)
    assert (body["frame"], body["marked"], body["model_tags"]) == (34, True, [])
    rows = own("results", "2", "--json", "--filter", "tag:anvil is:marked").json()
    assert [(row["frame"], row["corrected_tags"]) for row in rows] == [(34, ["anvil", "dusk"])]
    assert len(own("results", "2", "--json", "--filter", "thunder").json()) == 1
    assert own("note", at, "--tag", "storm", "--unmark").code == 0
    assert noted(own, at)["tags"] == ["anvil", "dusk", "storm"]
    assert own("note", at, "--remove", "--tag", "dusk").code == 0
    assert noted(own, at)["tags"] == ["anvil", "storm"] and not noted(own, at)["marked"]
    assert own("note", at, "--caption", "").code == 0
    assert noted(own, at)["caption"] is None and noted(own, at)["tags"] == ["anvil", "storm"]
    assert own("note", at, "--remove").code == 0
    assert noted(own, at)["tags"] is None
    line = own("results", "2").out.splitlines()[1]
    assert own("note", line, "--caption", "second").code == 0, "a pasted line"
    assert noted(own, line)["caption"] == "second"


REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    ((), "no moment given"),
    (("{}@1.36", "--tag", " , "), "the tag is empty"),
    (("{}@1.36", "--tag", ",".join(f"t{n}" for n in range(201))), "at most 200 tags"),
    (("{}@1.36", "--caption", "x" * 10_001), "the limit is 10,000 characters"),
    (("{}@1.36", "--remove", "--tag", "none"), "there is no tag 'none'; tags: none"),
    (("{}@1.36", "--remove", "--caption", "x"), "--remove goes with --tag"),
    (("{}@1.36", "--dry-run"), "--dry-run goes with --from"),
    (("{}@9999", "--tag", "x"), "lasts 8 s"),
    (("/none.mp4@1", "--tag", "x"), "is not in this library"),
    (("--from", "/none"), "no such file or folder"),
    (("--from", "{}"), "a sidecar ends in .txt or .xmp"),
    (("--from", "x", "{}@1"), "--from takes no FILE@TIME"),
)


def test_what_cannot_be_noted_is_refused(own: InProcess, own_storm: Path) -> None:
    for args, words in REFUSED:
        ran = own("note", *(arg.format(own_storm) for arg in args))
        assert (ran.code, ran.out) == (2, "") and words in ran.err, (args, ran.err)


def test_control_characters_never_reach_the_library(own: InProcess, own_storm: Path) -> None:
    picture = own_storm.with_name("a.png")
    assert own("note", picture, "--caption", "a\x1b[31m\nb\x07", "--tag", "x\x1by").code == 0
    body = noted(own, picture)
    assert (body["caption"], body["tags"]) == ("a\ufffd[31m b\ufffd", ["x\ufffdy"])


def exported(cli: InProcess, folder: Path, scan: str = "1") -> Path:
    ran = cli("export", scan, "--format", "sidecar", "--format", "xmp", "--out", folder)
    assert ran.code == 0, ran.err
    return folder


def test_sidecars_are_written_and_read_back(
    own: InProcess, own_storm: Path, tmp_path: Path
) -> None:
    picture = own_storm.with_name("a.png")
    assert own("note", picture, "--caption", CAPTION, "--tag", "sea,sky").code == 0
    assert own("note", f"{own_storm}@1.36", "--caption", "bolt", "--tag", "night").code == 0
    assert own("note", f"{own_storm}@4.8", "--tag", "last").code == 0
    out = exported(own, tmp_path / "out", "2")
    exported(own, out)
    assert {path.name for path in out.iterdir()} == {
        "summary.json", "a.png.txt", "a.png.xmp", "storm.mp4.txt", "storm.mp4.xmp",
    }  # fmt: skip
    assert (out / "a.png.txt").read_text() == f"{CAPTION}\ntags: sea, sky\n"
    assert (out / "storm.mp4.txt").read_text() == (
        "[00:00:01.360 frame 34] bolt\ntags: night\n\n[00:00:04.800 frame 120]\ntags: last\n"
    )
    items = [each.text for each in parse(out / "a.png.xmp").iter() if each.tag.endswith("}li")]
    assert items == [CAPTION, "sea", "sky"]
    ran = own("note", "--from", out)
    assert (ran.code, ran.out) == (0, "") and "0 moments noted" in ran.err
    for each in (picture, f"{own_storm}@1.36", f"{own_storm}@4.8"):
        assert own("note", each, "--remove").code == 0
    for suffix in (".txt", ".xmp"):
        names = (out / f"{name}{suffix}" for name in ("a.png", "storm.mp4"))
        froms = [arg for name in names for arg in ("--from", name)]
        assert "3 moments would be noted" in own("note", *froms, "--dry-run").err
        assert noted(own, picture)["caption"] is None
        assert "3 moments noted" in own("note", *froms).err
        assert noted(own, picture)["caption"] == CAPTION
        assert noted(own, picture)["tags"] == ["sea", "sky"]
        assert noted(own, f"{own_storm}@1.36")["caption"] == "bolt"
        assert noted(own, f"{own_storm}@4.8")["tags"] == ["last"]
        for each in (picture, f"{own_storm}@1.36", f"{own_storm}@4.8"):
            assert own("note", each, "--remove").code == 0


def test_sidecars_of_others_are_matched_and_never_replaced(
    own: InProcess, own_storm: Path, tmp_path: Path
) -> None:
    folder = own_storm.parent
    picture = folder / "a.png"
    (folder / "a.txt").write_text("sea, sun")
    (folder / "README.txt").write_text("read me")
    (folder / "b.png.xmp").write_text("<broken")
    ran = own("note", "--from", folder, "--plain", "tags")
    assert ran.code == 1
    assert noted(own, picture)["tags"] == ["sea", "sun"]
    assert "failed: " in ran.err and "b.png.xmp: not an XMP file" in ran.err
    assert "1 text file belongs to no file of this library" in ran.err
    ran = own("note", "--from", folder / "README.txt")
    assert ran.code == 1 and "belongs to no file of this library" in ran.err
    (folder / "a.png.txt").write_text("mine")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    exported(own, folder)
    assert {path: path.read_bytes() for path in before} == before, "nothing is replaced"
    assert (folder / "a.png.sightline.txt").read_text() == "tags: sea, sun\n"
    assert (folder / "a.png.xmp").exists()
    (folder / "a.png.txt").unlink()
    # A renamed copy in another folder is found by its name; two of the same name are not.
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "a.png.sightline.txt", other / "b.txt")
    assert own("note", "--from", other / "b.txt").code == 0
    assert noted(own, folder / "b.png")["tags"] == ["sea", "sun"]


def test_a_note_hides_no_answer_of_a_model_that_it_does_not_replace(own: InProcess) -> None:
    from contextlib import closing

    from core.sources.content import content_hash
    from core.storage.library import Library
    from core.stores.answers import Annotation, AnswerKey

    picture = own.home / "footage" / "a.png"
    with closing(Library(own.library)) as library:
        key = library.annotations.register(AnswerKey("tag", {"model": "m", "revision": "r"}))
        body = {"tags": [{"tag": "sea", "score": 0.9}]}
        content = content_hash(str(picture))
        (kept,) = library.annotations.keep(key, [(content, Annotation("tag", 0, 0.0, "", body))])
        spec = library.runs.get(1).spec_hash
        with library.database.transaction() as connection:
            connection.execute("INSERT INTO shown VALUES (?, ?, ?)", (content, spec, kept.id))
    assert noted(own, picture)["model_tags"] == ["sea"]
    assert own("note", picture, "--tag", "boat").code == 0
    assert noted(own, picture)["tags"] == ["sea", "boat"]
    assert json.dumps(noted(own, picture)["model_tags"]) == '["sea"]'
