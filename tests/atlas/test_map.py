"""`sightline map`: groups and names of drawn vectors, labels, and the files it writes."""

from __future__ import annotations

import io
import json
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from core.protocol.requests.maps import Map, MapGroup, MapPoint, MapSummary
from core.reports.atlas.grouping import groups_for, k_means, principal
from core.reports.atlas.naming import names, words_of
from core.reports.atlas.picture import FOOT, draw_map, place_labels
from core.sources.content import content_hash
from core.storage.library import Library
from core.stores.answers import Annotation, AnswerKey
from tests.tiny.embedded import keep_vectors
from tests.workbench import InProcess, texture

TOPICS = (("storm cloud", "a flash over the dark hills"), ("\u6d77", "waves on the sand"),
          ("dog", "a dog runs on grass"))  # fmt: skip


def drawn(groups: int, each: int, dimension: int = 64) -> tuple[NDArray[np.float32], list[int]]:
    """Return unit vectors around some centres, and the group of each."""
    draw = np.random.default_rng(7)
    centres = draw.normal(size=(groups, dimension))
    of = [n % groups for n in range(groups * each)]
    vectors = centres[of] + draw.normal(size=(len(of), dimension)) * 0.4
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), of


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    """Twelve pictures of three topics with vectors, two without, and a picture of another model."""
    cli = InProcess(tmp_path_factory.mktemp("map"))
    folder = cli.home / "pictures"
    folder.mkdir()
    paths = [folder / f"{n:02d}.png" for n in range(15)]
    for n, path in enumerate(paths):
        texture(n, 32, 24).save(path)
    assert cli("scan", folder, "--stages", "quality").code == 0
    vectors, of = drawn(3, 4)
    keep_vectors(cli.library, dict(zip(paths[:12], vectors, strict=True)))
    keep_vectors(cli.library, {paths[12]: np.ones(8, np.float32)}, model="org/other")
    keep_vectors(cli.library, {paths[13]: np.full(64, np.nan, np.float32)})
    with closing(Library(cli.library)) as opened:
        tagger = opened.annotations.register(AnswerKey("tag", {"model": "t"}))
        teller = opened.annotations.register(AnswerKey("caption", {"model": "c"}))
        for path, group in zip(paths, of, strict=False):
            tag, caption = TOPICS[group]
            content = content_hash(str(path))
            tags = {"tags": [{"tag": tag, "score": 0.5}, {"tag": "outdoor"}]}
            opened.annotations.keep(tagger, [(content, Annotation("tag", 0, 0.0, "", tags))])
            said = Annotation("caption", 0, 0.0, "", {"text": caption})
            opened.annotations.keep(teller, [(content, said)])
    return cli


def test_groups_are_found_named_and_written(library: InProcess, tmp_path: Path) -> None:
    out = tmp_path / "map.json"
    ran = library("map", "--groups", "3", "--out", out, "--json")
    assert ran.code == 0, ran.err
    groups = ran.json()
    assert [group["points"] for group in groups] == [4, 4, 4]
    named = [set(group["words"]) for group in groups]
    for topic, _ in TOPICS:
        assert sum(topic in words for words in named) == 1
    assert not any("outdoor" in words for words in named), "it distinguishes nothing"
    body = json.loads(out.read_text())
    assert (body["files"], body["without"], body["points"]) == (12, 3, 12)
    assert body["model"].startswith("org/tiny-clip@") and 0 < body["explained"] <= 1
    assert {item["group"] for item in body["items"]} == {0, 1, 2}
    assert all(0 <= item["x"] <= 1 and 0 <= item["y"] <= 1 for item in body["items"])
    by_topic = {item["path"]: item["group"] for item in body["items"]}
    assert len({by_topic[path] for path in sorted(by_topic)[:12:3]}) == 1
    library("map", "--groups", "3", "--out", tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == out.read_text(), "the same each time"


def test_a_picture_is_written(library: InProcess, tmp_path: Path) -> None:
    ran = library("map", "--out", tmp_path / "map.PNG", "--size", "400", "300")
    assert ran.code == 0, ran.err
    assert "12 frames of 12 files" in ran.err and "3 files without a vector" in ran.err
    assert "labels in scripts other than Latin need --font FILE" in ran.err
    with Image.open(tmp_path / "map.PNG") as image:
        assert image.size == (400, 300)
        assert len(image.getcolors(1 << 20) or ()) > 10


def test_a_note_changes_the_name_of_a_group(library: InProcess) -> None:
    picture = library.home / "pictures" / "02.png"
    assert library("note", picture, "--tag", "puppy", "--caption", "nothing").code == 0
    (group,) = [
        row for row in library("map", "--groups", "3", "--json").json() if "dog" in row["words"]
    ]
    assert group["points"] == 4
    assert library("note", picture, "--remove").code == 0


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--out", "map.jpg"), 2, "must end in .png or .json"),
        (("--model", "nothing"), 2, "there are those of: org/tiny-clip@0123456789ab, org/other@"),
        (("--model", "other"), 2, "at least 3 frames; compute them first"),
        (("--scan", "99"), 2, "no scan 99"),
        (("/none",), 2, "nothing there is in this library"),
        (("--groups", "99"), 2, "not in the range"),
        (("--out", "map.png", "--font", "none.ttf"), 2, "not a font that can be read"),
        (("--layout", "tsne"), 4, "pip install 'sightline[map]'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    library: InProcess, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], code: int,
    words: str,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    ran = library("map", *args)
    assert (ran.code, ran.out) == (code, "") and words in ran.err


def test_a_library_without_vectors_says_how_to_get_them(scanned: InProcess) -> None:
    ran = scanned("map")
    assert ran.code == 2 and "sightline scan PATH --profile index" in ran.err


def test_tsne_lays_out_what_the_groups_were_found_in(
    library: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A stand-in for openTSNE: which arguments it gets, and that its answer is drawn."""
    asked: dict[str, Any] = {}

    class Stand:
        def __init__(self, **arguments: Any) -> None:
            asked.update(arguments)

        def fit(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
            asked["shape"] = points.shape
            return points[:, ::-1][:, :2]

    monkeypatch.setitem(sys.modules, "openTSNE", SimpleNamespace(TSNE=Stand))
    out = tmp_path / "map.json"
    assert library("map", "--layout", "tsne", "--out", out).code == 0
    assert asked["shape"][0] == 12 and asked["perplexity"] == pytest.approx(11 / 3)
    assert json.loads(out.read_text())["layout"] == "tsne"


# The parts


@pytest.mark.parametrize("groups", [1, 4, 12])
def test_groups_of_drawn_vectors_are_recovered(groups: int) -> None:
    vectors, of = drawn(groups, 60)
    axes, shares = principal(vectors)
    assert 0 < shares.sum() <= 1 + 1e-9 and np.all(np.diff(shares) <= 1e-9)
    found = k_means(axes, groups)
    truth = np.array(of)
    assert sum(np.bincount(truth[found == n]).max() for n in set(found.tolist())) == len(of)
    assert np.all(np.diff(np.bincount(found)) <= 0), "the largest first"
    if groups > 1:
        assert groups_for(axes) == groups


def test_equal_and_few_points_are_one_group() -> None:
    same = np.ones((50, 8), np.float32)
    axes, _ = principal(same)
    assert np.isfinite(axes).all() and set(k_means(axes, 5).tolist()) == {0}
    assert groups_for(axes[:3]) == 1


def test_words_and_names() -> None:
    assert words_of([" Storm  Cloud"], ["A flash, in the sky; 2 dogs"]) == {
        "storm cloud", "flash", "sky", "dogs",
    }  # fmt: skip
    assert words_of(["\u7a32\u59bb"], ["\u5d50\u306e\u591c\u306b"]) == {"\u7a32\u59bb"}
    groups = [0] * 10 + [1] * 10
    words = [{"sea", "outdoor", f"once{n}"} for n in range(10)]
    words += [{"dog", "dogs", "outdoor"} for _ in range(10)]
    found = names(groups, words)
    assert found == {0: ("sea",), 1: ("dog",)}
    assert names([0, 1], [set(), {"a"}]) == {0: (), 1: ("a",)}


def test_labels_never_overlap_and_stay_inside() -> None:
    draw = ImageDraw.Draw(Image.new("RGB", (10, 10)))
    random = np.random.default_rng(4)
    for size in ((1600, 1200), (800, 600)):
        groups = [
            MapGroup(n, ("a long name", f"of group {n}"), 100 - n, x, y, 0)
            for n, (x, y) in enumerate((random.random((40, 2)) * 0.1 + 0.9).tolist())
        ]
        labels = place_labels(draw, groups, ImageFont.load_default(18), size)
        assert len(labels) == 40 or size[0] < 1000
        for n, label in enumerate(labels):
            left, top, right, bottom = label.box
            assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1] - FOOT
            for other in labels[n + 1 :]:
                apart = (
                    right <= other.box[0] or other.box[2] <= left
                    or bottom <= other.box[1] or other.box[3] <= top
                )  # fmt: skip
                assert apart, (label, other)


def test_hostile_words_and_a_single_point_are_drawn() -> None:
    group = MapGroup(0, ("\x1b[31m" + "x" * 5000, "\ud800"), 1, 0.0, 1.0, 0)
    summary = MapSummary("m\x07", "pca", 1, 0, 1)
    found = Map((MapPoint("a", 0, 0.0, 0, 1.0, 0.0),), (group,), summary)
    with Image.open(io.BytesIO(draw_map(found, 300, 200))) as image:
        assert image.size == (300, 200)
