"""Whole searches of a library whose images are known by the words they show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import NothingIndexed, UsageError
from core.protocol.requests.search import Search, SearchReply
from core.protocol.search_terms import image_term, parse_query
from core.reports.searching import Searches
from core.search.index import SearchIndex
from core.storage.library import Library
from tests.search.concepts import DIMENSION, Concepts, Shelf, Source

WORDS = ("harbour", "forest", "desert", "kitchen", "bridge", "meadow", "tunnel", "glacier",
         "market", "stadium", "library", "orchard")  # fmt: skip
STORM = "/footage/storm.mp4"


def sources(folder: Path) -> list[Source]:
    plain = [Source(f"/pictures/{word}{n}.jpg", [word]) for word in WORDS for n in range(8)]
    quiet = ["meadow"] * 20
    shows = [*quiet[:6], "lightning tower", "lightning tower", "meadow", "lightning tower",
             *quiet[:6], "lightning bridge", *quiet[:3]]  # fmt: skip
    red = folder / "red.png"
    Image.new("RGB", (40, 30), (220, 10, 10)).save(red)
    return [
        *plain,
        Source(STORM, shows, captions={6: "a bolt strikes the tower", 3: "a quiet field"},
               objects={2: ("4,5,20,10", "donkey")}),
        Source("/pictures/2024/parade.jpg", ["parade"], tags={0: ("brass band", "street")},
               metadata={"exif": {"Make": "Canon", "DateTimeOriginal": "2024:06:01 10:00:00"}}),
        Source("/pictures/old/parade rain.jpg", ["parade rain"], captions={0: "a wet parade"},
               metadata={"exif": {"Make": "Nikon", "DateTimeOriginal": "2019:06:01 10:00:00"}}),
        Source(str(red), ["crimson"]),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    made = Shelf(folder / "library", sources(folder))
    yield made
    made.close()


def search(shelf: Shelf, query: str, **more: Any) -> SearchReply:
    return shelf.searches.search(Search(parse_query(query), **more))


def names(reply: SearchReply) -> list[str]:
    return [Path(row["paths"][0]).name for row in reply.rows]


def test_words_find_images_and_only_those(shelf: Shelf) -> None:
    for word in ("harbour", "glacier"):
        reply = search(shelf, word)
        assert sorted(names(reply)) == [f"{word}{n}.jpg" for n in range(8)]
        assert reply.total == 8 and all(row["passes"] and row["z"] > 3 for row in reply.rows)
        assert reply.facts["searched"] == 120 and not reply.notes


def test_nothing_passes_and_the_best_is_named(shelf: Shelf) -> None:
    reply = search(shelf, "submarine periscope")
    assert (reply.total, reply.rows) == (0, ())
    assert reply.best is not None and not reply.best["passes"]
    every = search(shelf, "submarine periscope", every=True, last=500)
    assert every.total == 0 and every.rest == len(every.rows) > 90
    assert not any(row["passes"] for row in every.rows)
    assert every.rows[0]["key"] == reply.best["key"]


def test_all_shows_the_rest_after_what_passes(shelf: Shelf) -> None:
    rows = search(shelf, "harbour", every=True, last=30).rows
    assert [row["passes"] for row in rows] == [True] * 8 + [False] * 22


def test_neighbouring_frames_are_one_moment(shelf: Shelf) -> None:
    rows = search(shelf, "lightning tower", text="in:footage").rows
    first = next(row for row in rows if row["frame"] in (6, 7, 9))
    assert (first["start_frame"], first["end_frame"], first["hits"]) == (6, 9, 3)
    assert (first["start_seconds"], first["end_seconds"]) == (3.0, 4.5)
    assert {row["frame"] for row in rows} - {first["frame"]} <= {16}


def test_a_minus_term_is_a_vector_of_its_own(shelf: Shelf) -> None:
    assert sorted(names(search(shelf, "parade"))) == ["parade rain.jpg", "parade.jpg"]
    reply = search(shelf, "parade -rain", every=True, last=500)
    assert names(reply)[0] == "parade.jpg"
    assert names(reply).index("parade rain.jpg") > 20
    plus = search(shelf, "harbour + glacier", last=100)
    assert {name[:4] for name in names(plus)[:16]} == {"harb", "glac"}
    assert plus.total <= 18  # one in twenty may pass by chance
    weighted = search(shelf, "3:harbour + glacier", last=100)
    assert {name[:4] for name in names(weighted)[:8]} == {"harb"}


def test_what_was_said_is_found_and_why_is_shown(shelf: Shelf) -> None:
    reply = search(shelf, "striking bolts")
    (row,) = reply.rows
    assert (row["frame"], row["caption"]) == (6, "a bolt strikes the tower")
    assert [each["list"] for each in row["why"]] == ["image", "text"] or [
        each["list"] for each in row["why"]
    ] == ["text"]
    tagged = search(shelf, "brass band", every=True)
    assert names(tagged)[0] == "parade.jpg"
    assert "tag" in {each["list"] for each in tagged.rows[0]["why"]}
    score = sum(each["weight"] / (60 + each["rank"]) for each in row["why"])
    assert row["score"] == pytest.approx(score, abs=1e-6)


def test_objects_are_found_by_their_cut_out(shelf: Shelf) -> None:
    (row,) = search(shelf, "donkey", what="objects").rows
    assert (row["frame"], row["box"], row["label"]) == (2, [4.0, 5.0, 20.0, 10.0], "donkey")
    whole = search(shelf, "donkey").rows
    assert [each["frame"] for each in whole] == [2]
    assert {each["list"] for each in whole[0]["why"]} >= {"object", "tag"}


def test_filters_narrow_and_exclude(shelf: Shelf) -> None:
    for text, wanted in (
        ("in:2024", ["parade.jpg"]), ("-in:2024", ["parade rain.jpg"]),
        ("in:/pictures/old", ["parade rain.jpg"]), ("in:pictures/ol", []),
        ("camera:canon", ["parade.jpg"]), ("-camera:canon", ["parade rain.jpg"]),
        ("date:2019", ["parade rain.jpg"]), ("date>=2024", ["parade.jpg"]),
        ("tag:street", ["parade.jpg"]), ("wet", ["parade rain.jpg"]),
        ('in:"parade rain.jpg"', ["parade rain.jpg"]), ("model:concepts", None),
    ):  # fmt: skip
        found = names(search(shelf, "parade", text=text))
        assert wanted is None or found == wanted, text
    assert search(shelf, "harbour", text="in:/nowhere").total == 0


def test_filters_that_searches_do_not_know(shelf: Shelf) -> None:
    for text, words in (
        ("colour:red", "no condition 'colour'"), ("is:right", "is a condition of `sightline"),
        ("kind:flash", "add --what events"), ("is:duplicate", "is:duplicate"),
        ("in:", "no value"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            search(shelf, "harbour", text=text)


def test_events_and_candidates_are_found_by_their_frames(shelf: Shelf) -> None:
    shelf.event(STORM, "flash", 15, 17)
    (row,) = search(shelf, "lightning bridge", what="events", text="kind:flash").rows
    assert (row["event"]["kind"], row["frame"], row["start_frame"]) == ("flash", 16, 15)
    assert search(shelf, "lightning tower", what="events", text="kind:cut").total == 0
    shelf.event(STORM, "flash", 6, 7, accepted=False)
    (rejected,) = search(shelf, "lightning tower", what="candidates").rows
    assert rejected["event"]["reason"] == "too dim" and not rejected["event"]["accepted"]


def test_pages_and_their_end(shelf: Shelf) -> None:
    whole = names(search(shelf, "harbour"))
    parts = [names(search(shelf, "harbour", first=n, last=n + 3)) for n in (0, 3, 6)]
    assert [name for part in parts for name in part] == whole
    with pytest.raises(UsageError, match="there is no page 4: 8 found, at 3 a page"):
        search(shelf, "harbour", first=9, last=12)


def test_orders(shelf: Shelf) -> None:
    dated = search(shelf, "parade", sort="date")
    assert names(dated) == ["parade rain.jpg", "parade.jpg"]
    timed = search(shelf, "lightning tower", sort="time", text="in:footage").rows
    assert [row["seconds"] for row in timed] == sorted(row["seconds"] for row in timed)
    mixed = search(shelf, "harbour + glacier", diverse=True, last=4)
    assert {name[:4] for name in names(mixed)[:2]} == {"harb", "glac"}


def test_by_example(shelf: Shelf, tmp_path: Path) -> None:
    (red,) = (path for path in shelf.sources if path.endswith("red.png"))
    copy = tmp_path / "other.png"
    Image.new("RGB", (50, 50), (200, 0, 0)).save(copy)
    reply = shelf.searches.search(Search((image_term(str(copy)),)))
    first, second = (row["cosine"] for row in reply.rows[:2])
    assert names(reply)[0] == "red.png" and first > second + 0.4
    assert any("no cut-off" in note for note in reply.notes)
    both = shelf.searches.search(Search((*parse_query("harbour"), image_term(str(copy), -1.0))))
    assert names(both)[0].startswith("harbour")
    assert red


def test_a_frame_of_the_library_is_searched_by_its_stored_vector(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(shelf.library.found_sources), "is_unchanged", lambda *_: True)
    monkeypatch.setattr("core.search.query_vector._content", lambda path: f"hash of {path}")
    reply = shelf.searches.search(Search((image_term(f"{STORM}@3.000"),)))
    assert {row["frame"] for row in reply.rows[:1]} <= {7, 9}
    assert not any(row["frame"] == 6 and row["content"] == shelf.sources[STORM].content
                   for row in reply.rows)  # fmt: skip


def test_query_images_that_cannot_be_used(shelf: Shelf, tmp_path: Path) -> None:
    broken, text = tmp_path / "broken.png", tmp_path / "text.jpg"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    text.write_text("no picture")
    small = tmp_path / "small.png"
    Image.new("RGB", (20, 20)).save(small)
    for address, words in (
        (tmp_path / "none.jpg", "does not exist"), (tmp_path, "it is a folder"),
        (broken, "cannot be used"), (text, "cannot be used"),
        (f"{small}#30,0,5,5", "outside of"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=words) as raised:
            shelf.searches.search(Search((image_term(str(address)),)))
        assert "\n" not in str(raised.value)


def test_hostile_and_long_queries_are_harmless(shelf: Shelf) -> None:
    for text in ('har"bour', "harbour\0", "\x1b[31mharbour", "harbour OR *", "har* NEAR(x)",
                 "harbour " * 1200, "'; DROP TABLE texts; --", "\u202eharbour"):  # fmt: skip
        reply = search(shelf, text)
        assert json.dumps(reply.rows)
    long = search(shelf, " ".join(f"word{n}" for n in range(100)))
    assert any("for 64 of 100 words" in note for note in long.notes)
    assert any("does not see the end of the query, from: word64" in note for note in long.notes)


def test_hints(shelf: Shelf) -> None:
    assert any("excludes nothing" in note for note in search(shelf, "harbour without boats").notes)
    with pytest.raises(UsageError, match="only excludes"):
        search(shelf, "- rain")
    with pytest.raises(UsageError, match="false rate"):
        search(shelf, "harbour", false_rate=float("nan"))
    with pytest.raises(UsageError, match="cancel out"):
        search(shelf, "harbour - harbour")


def test_a_repeated_query_runs_no_model(shelf: Shelf) -> None:
    first = search(shelf, "orchard")
    asked, known = len(shelf.model.asked), shelf.searches.from_cache
    assert search(shelf, "orchard") == first
    assert (len(shelf.model.asked), shelf.searches.from_cache) == (asked, known + 1)
    search(shelf, "orchard", text="in:pictures")
    assert (len(shelf.model.asked), shelf.searches.from_cache) == (asked, known + 1)


def test_a_correction_or_a_new_vector_is_found_at_once(tmp_path: Path) -> None:
    made = Shelf(tmp_path / "library", sources(tmp_path))
    try:
        assert search(made, "zeppelin").total == 0
        made.library.remarks.correct(made.sources[STORM].content, 3, "caption", "a zeppelin")
        (row,) = search(made, "zeppelin").rows
        assert (row["frame"], row["caption"]) == (3, "a zeppelin")
        assert not any("quiet" in row["caption"] for row in search(made, "quiet").rows)
    finally:
        made.close()


def test_hits_whose_files_are_gone_say_so(shelf: Shelf) -> None:
    assert all(row["gone"] for row in search(shelf, "harbour").rows)
    (row,) = search(shelf, "crimson").rows
    assert not row["gone"] and row["path"].endswith("red.png")


def test_words_are_searched_without_an_index_and_an_empty_library_says_what_to_do(
    tmp_path: Path,
) -> None:
    library = Library(tmp_path / "library")
    searches = Searches(library, SearchIndex(library, writable=False))
    try:
        example = (image_term(str(tmp_path / "a.jpg")),)
        for terms, words in ((parse_query("storm"), "index PATH"), (example, "nothing is indexed")):
            with pytest.raises(NothingIndexed, match=words):
                searches.search(Search(terms))
        library.remarks.correct("b2:0", 3, "caption", "a storm")
        reply = searches.search(Search(parse_query("storms")))
        assert (reply.total, reply.rows[0]["gone"]) == (1, True)
        assert any("only captions and tags" in note for note in reply.notes)
    finally:
        searches.close()
        library.close()


def test_short_queries_are_the_mean_of_several_wordings() -> None:
    from core.search.query_vector import wordings

    assert len(wordings("storm")) == len(wordings("red car")) > 2
    assert wordings("a red car in the rain") == ["a red car in the rain"]
    assert wordings("稲妻") == ["稲妻"]
    assert np.linalg.norm(Concepts().embed_texts(["a"])) == pytest.approx(1.0)
    assert Concepts().dimension == DIMENSION
