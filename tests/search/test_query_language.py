"""The language of queries: what is read as what, and one clear line for what is wrong."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core.errors import UsageError
from core.protocol.search_terms import (
    MOST_CHARACTERS,
    check_terms,
    image_term,
    joined_arguments,
    negation_in,
    parse_query,
)

Row = tuple[str, str, float]
READ: tuple[tuple[str, list[Row]], ...] = (
    ("storm", [("text", "storm", 1)]),
    ("red car at night", [("text", "red car at night", 1)]),
    ("storm + 0.5:./a.jpg - rain",
     [("text", "storm", 1), ("image", "a.jpg", 0.5), ("text", "rain", -1)]),
    ("ladder -rain", [("text", "rain", -1), ("text", "ladder", 1)]),
    ("-rain ladder", [("text", "rain", -1), ("text", "ladder", 1)]),
    ('"red car" -"heavy rain"', [("text", "heavy rain", -1), ("text", "red car", 1)]),
    ("2:storm clouds + 0.5:rain", [("text", "storm clouds", 2), ("text", "rain", 0.5)]),
    ("storm - 0.3:./b.png", [("text", "storm", 1), ("image", "b.png", -0.3)]),
    ('0.5:"red car"', [("text", "red car", 0.5)]),
    ("well-known t-shirt", [("text", "well-known t-shirt", 1)]),
    ("train at 10:30", [("text", "train at 10:30", 1)]),
    ('"x:y" +', [("text", "x:y", 1)]),
    ('it"s 5"', [("text", "its 5", 1)]),
    ("a -- b", [("text", "a b", 1)]),
    ("嵐の夜 - 雨", [("text", "嵐の夜", 1), ("text", "雨", -1)]),
    ("", []),
    (' " " ', []),
)  # fmt: skip
WRONG = (
    ("x:rain", "weight 'x' is not a number"),
    ("camera:canon", "--filter camera:VALUE"),
    ("nan:rain", "more than 0"),
    ("inf:rain", "more than 0"),
    ("0:rain", "more than 0"),
    ("1e9:rain", "at most 1000"),
    ("./a.mp4@12x", "'12x' is not a time"),
    ("./a.jpg#1,2,0,4", "the box is empty"),
    ("a" * (MOST_CHARACTERS + 1), "limit is 10,000 characters"),
    (" + ".join("abc" for _ in range(40)), "too many terms: 40, at most 32"),
)


def test_queries_are_read() -> None:
    for text, wanted in READ:
        found = [(t.kind, os.path.basename(t.value), t.weight) for t in parse_query(text)]
        assert found == wanted, text


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[text[:12] for text, _ in WRONG])
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        parse_query(text)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300


def test_a_query_that_only_excludes_or_is_empty_is_refused() -> None:
    for text, words in (("- rain", "only excludes"), ("-rain -snow", "only excludes"),
                        ("", "is empty")):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            check_terms(parse_query(text))


def test_frames_and_boxes_of_images() -> None:
    term = image_term("./storm.mp4@00:01:02.5#10,20,300,200.5", 0.5)
    assert (term.value, term.weight) == (os.path.abspath("storm.mp4"), 0.5)
    assert term.when is not None and term.when.seconds == 62.5
    assert term.box == (10.0, 20.0, 300.0, 200.5)
    assert image_term("/home/me@work/a.jpg").when is None


def test_a_path_with_spaces_stays_one_argument() -> None:
    (term,) = parse_query(joined_arguments(["0.5:./my holiday.jpg"]))
    assert (os.path.basename(term.value), term.weight) == ("my holiday.jpg", 0.5)
    assert len(parse_query(joined_arguments(["red car", "+", "./a b.jpg"]))) == 2


def test_words_that_exclude_nothing_are_noticed() -> None:
    for text, word in (("street without people", "without"), ("no cars", "no"),
                       ("a notable storm", ""), ("cars - no", "no")):  # fmt: skip
        assert negation_in(parse_query(text)) == word


@settings(max_examples=200, deadline=None)
@given(some.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    said = ""
    try:
        terms = parse_query(text)
    except UsageError as error:
        terms, said = (), str(error)
    assert "\n" not in said
    assert all(term.value and term.weight for term in terms)
