"""Lists of words that tags are chosen from: a file of one's own, the one that ships."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.config.profiles import embedded, resolve
from core.inference import vocabulary
from core.inference.tag import Tag
from core.inference.text_vectors import embedded as vectors_of
from core.inference.vocabulary import MOST_BYTES, MOST_LETTERS, built_in, words_of
from core.models.families.dual_encoder import DualEncoder
from core.models.protocols import Identity
from core.scans.provenance import MOST_WORDS, shortened
from core.storage.text_vectors import MOST_FILES, KeptTextVectors
from tests.tiny.shelf import tiny_model
from tests.workbench import InProcess

EDITS = tomllib.loads(Path("scripts/vocabulary_edits.toml").read_text("utf-8"))


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the texts that are embedded from now on."""
    asked: list[str] = []
    embed_texts = DualEncoder.embed_texts

    def counted(model: Any, texts: Sequence[str]) -> Any:
        asked.extend(texts)
        return embed_texts(model, texts)

    monkeypatch.setattr(DualEncoder, "embed_texts", counted)
    return asked


@pytest.fixture
def one(inside: InProcess, pictures: Path) -> Path:
    folder = inside.home / "some"
    folder.mkdir()
    return Path(shutil.copy(pictures / "one.png", folder / "one.png"))


def scan(inside: InProcess, picture: Path, *settings: str) -> None:
    sets = (f"embed.model={tiny_model('clip')}", "sampling.mode=fps", "tag.threshold=0", *settings)
    ran = inside("scan", picture, "--stages", "embed,tag",
                 *(part for each in sets for part in ("--set", each)))  # fmt: skip
    assert ran.code == 0, ran.err


def tags(inside: InProcess, number: int) -> tuple[set[str], dict[str, Any]]:
    """Return the tags of one.png, and the settings in its provenance."""
    out = inside.home / f"out{number}"
    assert inside("export", str(number), "--out", out).code == 0
    body = json.loads((out / "one.png.json").read_text())
    return {each["tag"] for each in body["looks"][0]["tags"]}, body["provenance"]["spec"]["tag"]


def written(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines), "utf-8")
    return str(path)


def test_a_second_scan_embeds_no_word_again(inside: InProcess, one: Path, texts: list[str]) -> None:
    words = inside.home / "words.txt"
    named = f"tag.vocabulary={written(words, '# mine', 'red', 'a cup # on a table', 'red')}"
    scan(inside, one, named)
    assert texts == ["a photo of red", "a photo of a cup"]
    assert tags(inside, 1)[0] == {"red", "a cup"}
    scan(inside, one, named, "tag.top=1")  # asked again, with the same words
    assert len(texts) == 2
    written(words, "red", "a cup", "a chair")
    scan(inside, one, named)
    assert texts[2:] == ["a photo of a chair"]
    assert tags(inside, 3)[0] == {"red", "a cup", "a chair"}
    assert tags(inside, 1)[0] == {"red", "a cup"}
    (kept,) = inside.home.rglob("texts")
    assert kept.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in kept.iterdir()} == {0o600}


def test_each_model_and_template_has_its_own_vectors(tmp_path: Path) -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> Any:
        asked.extend(texts)
        return np.ones((len(texts), 4), np.float32)

    def model(dtype: str) -> Any:
        identity = Identity("m", "r", "clip", dtype, "sdpa", "none", "p")
        return SimpleNamespace(identity=identity, dimension=4, embed_texts=embed)

    store = KeptTextVectors(tmp_path / "texts")
    for dtype, template, texts in (
        ("float32", "{label}!", ["a!", "b!"]),
        ("float32", "{label}!", []),
        ("float32", "{label}", ["a", "b"]),
        ("bfloat16", "{label}", ["a", "b"]),
        ("float32", "{label}", []),
    ):
        asked.clear()
        found = vectors_of(model(dtype), template, ("a", "b", "a"), store)
        assert asked == texts and found.shape == (3, 4)


def test_a_list_that_ships_with_another_version_is_another_question(
    inside: InProcess, one: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, words in enumerate((("red", "green"), ("red", "blue")), 1):
        monkeypatch.setattr(vocabulary, "built_in", lambda words=words: words)
        monkeypatch.setattr("core.inference.tag.built_in", lambda words=words: words)
        scan(inside, one)
        assert tags(inside, number)[0] == set(words)
    assert texts == ["a photo of red", "a photo of green", "a photo of blue"]
    assert tags(inside, 1)[0] == {"red", "green"}
    verified = inside("runs", "verify", "1")  # a scan keeps the list that it began with
    assert verified.code == 0 and "changed" not in verified.out


def test_a_file_includes_and_removes_words(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeff@built-in\n-person\nMy own cup\nmy OWN cup\n\n# note\n".encode())
    words = words_of(str(path))
    assert words[-1] == "My own cup" and "person" in built_in()
    assert set(words) == {*built_in(), "My own cup"} - {"person"}
    assert words_of(("a", "a")) == ("a", "a") and words_of("") == ()


def test_a_list_that_cannot_be_used_is_refused_with_its_line(
    inside: InProcess, one: Path, tmp_path: Path
) -> None:
    path = tmp_path / "words.txt"
    faults = {
        "a\n-b": "line 2: '-b': no line before it",
        "a\n\n@all": "line 3: '@all' is unknown",
        "x" * (MOST_LETTERS + 1): f"line 1: a word is longer than {MOST_LETTERS}",
        "a\x1b[2Jb": "line 1: a word is",
        "# nothing": "has 0 words",
        "a" * MOST_BYTES + "a": "is larger than",
    }
    for text, complaint in faults.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=r"words\.txt") as raised:
            words_of(str(path))
        assert complaint in str(raised.value), text[:20]
    path.write_bytes(b"\xff")
    for value in (path, tmp_path / "none.txt"):
        ran = inside("scan", one, "--stages", "tag", "--set", f"tag.vocabulary={value}")
        assert ran.code == 2 and "tag.vocabulary" in ran.err and "cannot be read" in ran.err


def test_a_profile_names_a_file_beside_it_and_the_words_go_to_the_engine(tmp_path: Path) -> None:
    written(tmp_path / "mine.txt", "red", "blue")
    profile = written(tmp_path / "mine.toml", 'stages = ["tag"]', "[tag]",
                      'vocabulary = "mine.txt"', "[sampling]", 'mode = "fps"')  # fmt: skip
    spec = resolve(profile)
    assert spec.settings(Tag).vocabulary == ("red", "blue")
    listed = resolve(profile, {"tag.vocabulary": ["red", "blue"]})
    assert listed.hash() == spec.hash()
    named = {"tag.vocabulary": str(tmp_path / "mine.txt")}
    assert embedded(named, spec) == {"tag.vocabulary": ("red", "blue")}


def test_long_lists_are_named_by_their_hash_in_provenance() -> None:
    words = [str(number) for number in range(MOST_WORDS + 1)]
    short = shortened({"tag": {"vocabulary": words, "top": 8}, "stages": ["tag"]})
    assert short["tag"]["vocabulary"]["words"] == len(words)
    assert short["stages"] == ["tag"] and short["tag"]["top"] == 8
    other = shortened({"tag": {"vocabulary": words[::-1]}})
    assert other["tag"]["vocabulary"]["hash"] != short["tag"]["vocabulary"]["hash"]


def test_the_list_that_ships_is_clean() -> None:
    words = built_in()
    assert 1_500 <= len(words) == len(set(words))
    assert all(word == word.lower().strip() and word.isprintable() for word in words)
    assert not {character for word in words for character in word} - set(
        "abcdefghijklmnopqrstuvwxyz '-"
    )
    assert max(map(len, words)) <= MOST_LETTERS
    own = {word for each in EDITS["own"].values() for word in each}
    assert own <= set(words)
    assert not (set(words) - own) & set(EDITS["drop"])
    indoors = {"bathroom", "sofa", "kettle", "light switch", "toothbrush", "slipper", "drawer"}
    assert indoors <= set(words)


def test_vectors_that_cannot_be_used_are_made_anew(tmp_path: Path) -> None:
    kept = KeptTextVectors(tmp_path / "texts")
    vectors = {"red": np.eye(3, dtype=np.float32)[0], "käse": np.eye(3, dtype=np.float32)[1]}
    kept.put("key", vectors)
    found = kept.get("key", 3)
    assert {word: list(row) for word, row in found.items()} == {
        word: list(row) for word, row in vectors.items()
    }
    assert kept.get("key", 4) == {} and kept.get("other", 3) == {}
    file = tmp_path / "texts" / "key.npz"
    whole = file.read_bytes()
    for damaged in (b"", b"PK", whole[: len(whole) // 2], whole[:-40], b"\0" * len(whole)):
        file.write_bytes(damaged)
        assert kept.get("key", 3) == {}
    kept.put("key", {"red": np.full(3, np.nan, np.float32)})
    assert kept.get("key", 3) == {}
    for number in range(MOST_FILES + 3):
        kept.put(f"key{number}", vectors)
    assert len(list((tmp_path / "texts").iterdir())) == MOST_FILES
    gone = KeptTextVectors(tmp_path / "gone" / "texts")
    gone.put("key", vectors)  # the library was deleted
    assert not (tmp_path / "gone").exists()
