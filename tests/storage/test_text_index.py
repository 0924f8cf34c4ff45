"""Words of captions, tags and corrections: what finds what, and in which transaction."""

# ruff: noqa: RUF001 - the scripts are what is tested
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from core.storage import remarks, text_index
from core.storage.indexed_words import MOST_TERMS, match_text, terms_of
from core.storage.library import Library
from core.storage.text_index import What
from core.stores.answers import Annotation, AnswerKey

EVERY: tuple[What, ...] = ("caption", "description", "tags", "labels")
CAPTIONS = (
    "A red car in the rain", "Blitz über der Stadt bei Nacht", "嵐の夜に稲妻が光る",
    "красная машина под дождём", "闪电划过城市夜空", "عاصفة رعدية فوق المدينة",
    "Running people carrying ladders", "밤하늘에 번개가 친다", "ＳＴＯＲＭ ｎｉｇｈｔ",
    "फसल पर बिजली गिरी", "ฟ้าแลบเหนือเมือง", "STRASSE im Nebel",
)  # fmt: skip
FINDS: tuple[tuple[str, str], ...] = (
    ("cars", CAPTIONS[0]), ("CAR rain", CAPTIONS[0]), ("uber", CAPTIONS[1]),
    ("ÜBER stadt", CAPTIONS[1]), ("稲妻", CAPTIONS[2]), ("光", CAPTIONS[2]),
    ("夜に稲妻", CAPTIONS[2]),
    ("Дождём", CAPTIONS[3]), ("闪电", CAPTIONS[4]), ("城市夜空", CAPTIONS[4]),
    ("رعدية", CAPTIONS[5]),
    ("carry a ladder", CAPTIONS[6]), ("번개", CAPTIONS[7]), ("storm", CAPTIONS[8]),
    ("ｎｉｇｈｔ", CAPTIONS[8]), ("बिजली", CAPTIONS[9]), ("ฟ้าแลบ", CAPTIONS[10]),
    ("straße nebel", CAPTIONS[11]),
)  # fmt: skip
NOTHING = ("bus", "雷", "稲光", "car ladder", "", " ", '"', "''", "()*:^-", "\0", "\x1b[31m")
HARMLESS = ('car" OR "x', "car AND", "NEAR(car", "car*", "car:rain", "-car", "car\0rain", "{car}")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    found = Library(tmp_path / "library")
    yield found
    found.close()


def keep(library: Library, *bodies: dict[str, Any], part: str = "", frame: int = 0) -> None:
    key = library.annotations.register(AnswerKey("caption", {"model": str(len(bodies))}))
    library.annotations.keep(
        key,
        [(f"c{n}", Annotation("caption", frame, 0.0, part, body)) for n, body in enumerate(bodies)],
    )


def found(library: Library, text: str, what: tuple[What, ...] = EVERY) -> list[str]:
    return [each.content for each in library.words.find(text, what, 100)]


def test_words_find_captions_of_every_script(library: Library) -> None:
    keep(library, *({"text": text} for text in CAPTIONS))
    for query, caption in FINDS:
        assert found(library, query) == [f"c{CAPTIONS.index(caption)}"], query
    for query in NOTHING:
        assert found(library, query) == [], query
    for query in HARMLESS:
        found(library, query)
    assert found(library, "car" + " rain" * 5000) == ["c0"]
    assert found(library, "x" * 10_000) == []


def test_a_query_is_cut_at_the_most_terms_and_function_words_do_not_count() -> None:
    assert match_text(" ".join(f"w{n}" for n in range(500))).count(" AND ") == MOST_TERMS - 1
    assert terms_of("The storm in the city") == ["storm", "city"]
    assert terms_of("the who") == ["the", "who"]


def test_tags_labels_and_descriptions_are_kinds_of_their_own(library: Library) -> None:
    keep(library, {"tags": [{"tag": "storm", "score": 0.5}, {"tag": "night sky"}]})
    keep(library, {"objects": [{"label": "car", "score": 0.9, "box": [0, 0, 1, 1]}]}, {})
    keep(library, {"text": "a rusty car"}, {}, {}, part="1,2,3,4|car")
    assert found(library, "night storm", ("tags",)) == ["c0"]
    assert found(library, "storm", ("caption",)) == []
    (label,) = library.words.find("car", ("labels",), 9)
    (said,) = library.words.find("rusty car", ("description",), 9)
    assert (label.part, said.part) == ("", "1,2,3,4|car")


def test_failures_and_verdicts_say_nothing(library: Library) -> None:
    keep(library, {"error": "storm"}, {"gated": "storm", "text": "storm"},
         {"text": "storm", "state": "confirmed"})  # fmt: skip
    assert found(library, "storm") == []


def test_an_answer_asked_anew_replaces_its_words(library: Library) -> None:
    keep(library, {"text": "a storm"})
    keep(library, {"text": "a calm sea"})
    assert (found(library, "storm"), found(library, "calm")) == ([], ["c0"])
    keep(library, {"error": "no answer"})
    assert found(library, "calm") == ["c0"]


def test_a_correction_replaces_a_caption_until_it_is_taken_back(library: Library) -> None:
    keep(library, {"text": "a storm"})
    library.remarks.correct("c0", 0, "caption", "a firework")
    assert (found(library, "storm"), found(library, "firework")) == ([], ["c0"])
    assert library.words.find("firework", EVERY, 9)[0].corrected
    keep(library, {"text": "a storm again"})  # of a later scan: the correction holds
    keep(library, {"text": "a heavy storm"}, {})
    assert found(library, "storm") == []
    library.remarks.correct("c0", 0, "caption", "")
    assert (found(library, "storm"), found(library, "firework")) == (["c0", "c0"], [])
    library.remarks.correct("c0", 0, "tags", "bolt, +rain")
    assert (found(library, "rain", ("tags",)), found(library, "storm")) == (["c0"], ["c0", "c0"])


def test_a_correction_and_its_words_are_one_transaction(library: Library) -> None:
    keep(library, {"text": "a storm"})
    failing = mock.Mock(side_effect=RuntimeError)
    with mock.patch.object(remarks, "put_correction", failing), pytest.raises(RuntimeError):
        library.remarks.correct("c0", 0, "caption", "a firework")
    assert library.remarks.of([("c0", 0)]) == {}
    assert found(library, "storm") == ["c0"]


def test_words_of_removed_answers_are_removed(library: Library) -> None:
    keep(library, {"text": "a storm"}, {"tags": [{"tag": "storm"}]})
    library.annotations.forget("c0")
    assert found(library, "storm") == ["c1"]
    with library.database.reading() as connection:
        rows = connection.execute("SELECT count(*) FROM words").fetchone()[0]
    assert rows == 1


def test_a_library_of_an_earlier_layout_is_indexed(library: Library) -> None:
    keep(library, {"text": "a storm"}, {"text": "a car"})
    library.remarks.correct("c1", 0, "caption", "a bus")
    with library.database.transaction() as connection:
        for statement in ("DROP TABLE words", "DROP TABLE texts"):
            connection.execute(statement)
        text_index.migrate(connection)
    assert [found(library, word) for word in ("storm", "car", "bus")] == [["c0"], [], ["c1"]]
