"""`sightline search`: lines, JSON, paths, files of queries, and one line for what is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from core.models.protocols import Embedder
from core.search.query_models import QueryModels
from core.search.space import EmbeddingSpace
from core.storage.library import Library
from tests.search.concepts import Concepts, Shelf, Source
from tests.workbench import Cli, InProcess, Ran

WORDS = ("harbour", "forest", "desert", "kitchen", "bridge", "meadow", "tunnel", "glacier")


@pytest.fixture
def inside(inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """Commands over a library of pictures that are known by words; some of their files exist."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    listed = []
    for word in WORDS:
        for n in range(6):
            path = pictures / f"{word} {n}.png"
            if word in ("harbour", "glacier"):
                Image.new("RGB", (8, 8)).save(path)
            caption = {0: f"boats in a {word}"} if (word, n) == ("harbour", 2) else {}
            listed.append(Source(str(path), [word], captions=caption))
    Shelf(inside.library, listed).close()

    @contextmanager
    def lent(
        self: QueryModels, space: EmbeddingSpace, *, texts_only: bool = False
    ) -> Iterator[Embedder]:
        yield cast("Embedder", Concepts())

    monkeypatch.setattr(QueryModels, "lent", lent)
    return inside


def hits(ran: Ran) -> list[dict[str, Any]]:
    return ran.of("Hit")


def test_lines_pages_and_why(inside: InProcess) -> None:
    ran = inside("search", "harbour", "--limit", "4")
    lines = ran.out.splitlines()
    assert ran.code == 0 and len(lines) == 4 and "2 more hits" in ran.err
    assert all("/harbour " in line and "  z " in line for line in lines)
    assert sum("boats in a harbour" in line for line in lines) == 1
    second = inside("search", "harbour", "--limit", "4", "--page", "2").out.splitlines()
    assert len(second) == 2 and not set(second) & set(lines)
    past = inside("search", "harbour", "--limit", "4", "--page", "3")
    assert past.code == 2 and "there is no page 3: 6 found, at 4 a page" in past.err
    why = inside("search", "harbour", "boats", "--why").out
    assert (
        "    image: rank " in why
        and "    text: rank 1," in why
        and "chance reaches this score" in why
    )


def test_json_has_the_search_and_its_hits(inside: InProcess) -> None:
    ran = inside("search", "harbour - boats", "--json")
    (whole,) = ran.of("Search")
    assert whole["total"] == len(hits(ran)) and whole["facts"]["model"] == "concepts"
    assert [row["rank"] for row in hits(ran)] == [*range(1, len(hits(ran)) + 1)]
    assert all(row["passes"] for row in hits(ran))


def test_words_that_are_subtracted_are_no_options(inside: InProcess) -> None:
    for words in (("harbour", "-glacier"), ("-glacier", "harbour"), ("harbour", "-", "glacier"),
                  ("harbour -glacier",), ("-hill", "harbour"), ("harbour", "-00")):  # fmt: skip
        ran = inside("search", *words, "--json")
        assert ran.code == 0 and len(hits(ran)) == 6, words
    ran = inside("search", "harbour", "--limt", "3")
    assert ran.code == 2 and "--limt" in ran.err and "--limit" in ran.err
    filtered = inside("search", "harbour", "--filter", "-file:harbour", "--json")
    assert filtered.code == 5 and not hits(filtered)


def test_paths_are_printed_once_and_exactly(inside: InProcess) -> None:
    ran = inside("search", "harbour", "--paths")
    paths = ran.out.splitlines()
    assert len(paths) == 6 and all(os.path.isfile(path) for path in paths)
    assert inside("search", "harbour", "--paths", "-0").raw_out == b"".join(
        os.fsencode(path) + b"\0" for path in paths
    )


def test_nothing_passes_is_an_answer(inside: InProcess) -> None:
    ran = inside("search", "submarine")
    assert ran.code == 5 and not ran.out
    assert "nothing passes at a false rate of 5%; the best was /" in ran.err
    assert "--all shows" in ran.err
    every = inside("search", "submarine", "--all", "--limit", "3")
    assert every.code == 5 and every.out.splitlines()[0].startswith("--- below the cut-off")
    assert len(every.out.splitlines()) == 4
    machine = inside("search", "submarine", "--json")
    assert machine.code == 5 and machine.of("Search")[0]["best"]["z"] is not None


def test_a_file_of_queries(inside: InProcess, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text("# places\nharbour\n\nglacier - harbour\nsubmarine\n")
    ran = inside("search", "--queries", queries, "--json", "--limit", "3")
    assert ran.code == 0
    assert [each["query"] for each in ran.of("Search")] == [
        "harbour", "glacier - harbour", "submarine",
    ]  # fmt: skip
    assert {each["number"] for each in hits(ran)} == {1, 2}
    text = inside("search", "--queries", "-", stdin=b"harbour\n").out
    assert text.splitlines()[0] == "# harbour"
    for wrong, words in ((tmp_path / "none", "cannot be read"), (os.devnull, "holds no query")):
        ran = inside("search", "--queries", wrong)
        assert ran.code == 2 and words in ran.err
    assert inside("search", "storm", "--queries", queries).code == 2


def test_what_is_wrong_is_one_line_with_a_code(inside: InProcess, tmp_path: Path) -> None:
    for words, code, said in (
        ((), 2, "the query is empty"),
        (("- rain",), 2, "only excludes"),
        (("x:rain",), 2, "weight 'x' is not a number"),
        (("./none.jpg",), 2, "does not exist"),
        (("--image", str(tmp_path)), 2, "it is a folder"),
        (("storm", "--false-rate", "5"), 2, "more than 0% and less than 100%"),
        (("storm", "--false-rate", "x"), 2, "--false-rate 'x'"),
        (("storm", "--filter", "tga:x"), 2, "did you mean 'tag'"),
        (("storm", "--exact", "--what", "objects"), 2, "leave --what out"),
        (("a" * 10_001,), 2, "10,000 characters"),
    ):  # fmt: skip
        ran = inside("search", *words)
        assert ran.code == code and said in ran.err, words
        assert len(ran.err.strip().splitlines()) == 1, ran.err


def test_hits_whose_file_is_gone_say_so(inside: InProcess) -> None:
    assert all("FILE IS GONE" in line for line in inside("search", "forest").out.splitlines())
    assert "GONE" not in inside("search", "harbour").out


def test_a_process_of_its_own_ends_with_5_where_nothing_is_found(cli: Cli) -> None:
    library = Library(cli.library)
    library.remarks.correct("b2:0", 3, "caption", "a storm")
    library.close()
    found, nothing = cli("search", "storms", "--json"), cli("search", "rain")
    assert (found.code, nothing.code) == (0, 5)
    assert found.of("Hit")[0]["caption"] == "a storm"
    assert "nothing found" in nothing.err
    assert cli("search", "storm", "--library", "x").code == 2
