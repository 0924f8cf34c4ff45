"""`sightline index` with a real model: folders, names, other models, kills, a server away."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.search.index import SearchIndex
from core.storage.library import Library
from tests.search.library import agreement, opened
from tests.tiny.shelf import tiny_model
from tests.workbench import Cli, InProcess, events_of, finished

COUNT = 6


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder of small images that differ."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for number in range(COUNT):
        pixels = rng.integers(0, 255, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def with_model(name: str) -> tuple[str, ...]:
    return ("--stages", "embed", "--set", f"embed.model={tiny_model(name)}")


def indexes(cli: Cli) -> list[dict[str, Any]]:
    ran = InProcess(cli.home)("index", "list", "--json")
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def agrees(cli: Cli) -> None:
    with opened(cli.library) as (library, index):
        agreement(library, index)
        assert library.index.count_pending() == 0


def test_a_folder_is_indexed_once_and_followed(inside: InProcess, images: Path) -> None:
    """Renamed files are known, new ones embedded, deleted ones pruned only when that is asked."""
    assert inside("index", "list").code == 2  # no library yet
    first = inside("index", images, *with_model("clip"))
    assert first.code == 0, first.err
    (line,) = indexes(inside)
    assert (line["state"], line["vectors"], line["sources"]) == ("current", COUNT, COUNT)
    agrees(inside)
    (images / "0.png").rename(images / "renamed.png")
    (images / "1.png").unlink()
    Image.new("RGB", (20, 20), (200, 30, 30)).save(images / "new.png")
    second = inside("index", images, *with_model("clip"), "--incremental", "--json")
    assert second.code == 0, second.err
    assert indexes(inside)[0]["vectors"] == COUNT + 1
    with opened(inside.library) as (library, index):
        points = index.store.scroll(library.index.spaces()[0].name).points
        paths = {path for point in points for path in point.payload["path"]}
        assert {str(images / "renamed.png"), str(images / "new.png")} <= paths
        assert str(images / "0.png") not in paths
    pruned = inside("index", "prune", images)
    assert pruned.code == 0 and "1 removed" in pruned.err, pruned.err
    assert indexes(inside)[0]["vectors"] == COUNT
    rebuilt = inside("index", "rebuild")
    assert rebuilt.code == 0 and f"{COUNT} vectors indexed" in rebuilt.err
    agrees(inside)
    assert "profile 'storm' embeds nothing" in inside("index", images, "--profile", "storm").err


def test_another_model_is_built_beside_and_switched_when_complete(
    inside: InProcess, images: Path
) -> None:
    """Until it holds every source, searches use the former index."""
    part = images.parent / "part"
    part.mkdir()
    shutil.copy(images / "0.png", part)
    assert inside("index", images, *with_model("clip")).code == 0
    some = inside("index", part, *with_model("open_clip"))
    assert some.code == 0 and f"lacks {COUNT - 1} sources of {COUNT}" in some.err
    assert [line["state"] for line in indexes(inside)] == ["current", "building"]
    every = inside("index", images, *with_model("open_clip"))
    assert "searches now use the index open-clip-" in every.err
    old, new = indexes(inside)
    assert (old["state"], new["state"], new["vectors"]) == ("kept", "current", COUNT)
    assert inside("index", "switch", old["name"]).code == 0
    assert inside("index", "remove", new["name"]).code == 0
    old, new = indexes(inside)
    assert (old["state"], new["state"], new["vectors"]) == ("current", "removed", 0)
    refused = inside("index", "switch", new["name"])
    assert refused.code == 2 and "was removed" in refused.err
    assert inside("index", "rebuild", new["name"]).code == 0
    assert [line["vectors"] for line in indexes(inside)] == [COUNT, COUNT]
    assert inside("index", "switch", "none").code == 2
    agrees(inside)


def test_any_scan_indexes_with_a_flag(inside: InProcess, images: Path) -> None:
    """`scan --index` adds the stage; a scan without leaves its vectors to `index update`."""
    plain = inside("scan", images, *with_model("clip"))
    assert plain.code == 0 and not (inside.library / "vectors").exists()
    said = inside("index", "list").err
    assert f"{COUNT} vectors not indexed yet: `sightline index update`" in said
    flagged = inside("scan", images, "--stages", "quality", "--set",
                     f"embed.model={tiny_model('clip')}", "--index")  # fmt: skip
    assert flagged.code == 0, flagged.err
    assert indexes(inside)[0]["vectors"] == COUNT


def test_a_server_that_is_away_costs_nothing(inside: InProcess, images: Path) -> None:
    """Vectors are stored; the message names the server; later the index is made without models."""
    away: dict[str, Any] = {"QDRANT_URL": "http://127.0.0.1:9"}
    ran = inside("index", images, *with_model("clip"), **away)
    assert ran.code == 4
    assert "the Qdrant server http://127.0.0.1:9 cannot be reached" in ran.err
    assert "127.0.0.1:9" in inside("index", "list", **away).err
    resumed = inside("runs", "resume", "1")
    assert resumed.code == 0, resumed.err
    assert indexes(inside)[0]["vectors"] == COUNT
    key: dict[str, Any] = {
        "QDRANT_URL": "http://qdrant.example",
        "QDRANT_API_KEY": "not-to-be-seen",
    }
    refused = inside("index", "update", **key)
    assert refused.code == 2 and "over plain http" in refused.err
    assert "not-to-be-seen" not in refused.err


def test_killed_while_indexing(cli: Cli, images: Path) -> None:
    """A real process: SIGKILL, then `runs resume`; nothing is twice, nothing missing."""
    process = cli.start("index", images, *with_model("clip"), "--json",
                        "--set", "models.batch_size=1", "--set", "run.batch_size=1")  # fmt: skip
    for event in events_of(process):
        if event["type"] == "BatchDone":
            break
    process.send_signal(signal.SIGKILL)
    finished(process)
    resumed = InProcess(cli.home)("runs", "resume", "1")
    assert resumed.code == 0, resumed.err
    assert indexes(cli)[0]["vectors"] == COUNT
    agrees(cli)
    reader = Library(cli.library, writable=False)
    beside = SearchIndex(reader, writable=False)
    assert beside.store.count(reader.index.spaces()[0].name) == COUNT
    beside.close()
    reader.close()
