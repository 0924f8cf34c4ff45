"""Scores of texts against references: values of reference implementations, layouts, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import MissingExtra, UsageError
from core.judge.texts import text_scores
from core.judge.texts.coco import Cider, bleu, bleu_sums, rouge_l
from core.judge.texts.ptb import tokens
from core.judge.texts.references import Reference, matched, read_references
from core.judge.texts.text_scores import GROUPS, Scorable, chosen, score_rows
from core.judge.texts.words import similarity, word_diff, words
from core.storage.library import Library
from tests.answered import add_scan, said
from tests.workbench import InProcess

COCO33 = Path(__file__).parents[3] / "shared" / "media" / "images" / "coco33"
# The first caption of each picture against the other four: pycocoevalcap 1.2 (with its Java
# tokenizer) and sacrebleu 2.6.0, 2026-12-01.
VALUES = {
    "bleu": 15.655464031575958, "chrf": 38.88289650557067,
    "coco_bleu1": 0.6511627906957815, "coco_bleu2": 0.45066150270844435,
    "coco_bleu3": 0.29738533065373685, "coco_bleu4": 0.18100815237254808,
    "rouge_l": 0.46675829456955137, "cider_d": 0.8367007165745556,
}  # fmt: skip
# What the Java tokenizer makes of them (pycocoevalcap 1.2, CoreNLP 3.4.1).
TOKENS = [
    ("A man's dog (brown) isn't here; it's 3.5 m long, 1,000 kg.",
     "a man 's dog -lrb- brown -rrb- is n't here it 's 3.5 m long 1,000 kg"),
    ("\"Hello,\" she said -- don't go... cannot, gonna wanna gotta, let's, they'll I'm you've he'd",
     "hello she said do n't go can not gon na wan na got ta let 's they 'll i 'm you 've he 'd"),
    ("A black-and-white photo of U.S. flags on St. James St. at 5 p.m. by Mr. Smith Jr.",
     "a black-and-white photo of u.s. flags on st. james st. at 5 p.m. by mr. smith jr."),
    ("price $5.99 and 50% off @ the store & more, and/or 1/2 cup w/ milk #1",
     "price $ 5.99 and 50 % off @ the store & more and/or 1/2 cup w / milk # 1"),
    ("the '90s style, rock 'n' roll, 'quoted words' and dogs' tails",
     "the '90s style rock 'n' roll quoted words and dogs tails"),
    ("caf\u00e9 \u2018single\u2019 \u201cdouble\u201d dash\u2014dash ellipsis\u2026 end",
     "caf\u00e9 single double dash dash ellipsis end"),
    ("A sign that says STOP!!! really?! yes?? no.",
     "a sign that says stop !!! really ?! yes ?? no"),
    ("A.M. P.M. a.m. No. 5, Ave. Blvd. Inc. Co. Feb. 3",
     "a.m. p.m. a.m. no. 5 ave. blvd. inc. co. feb. 3"),
    ("t-shirt, X-ray, 20-year-old co-op 10:30am 12/25/2014",
     "t-shirt x-ray 20-year-old co-op 10:30 am 12/25/2014"),
]  # fmt: skip


@pytest.mark.media
@pytest.mark.skipif(not COCO33.is_dir(), reason="no shared media")
def test_scores_equal_those_of_the_reference_implementations() -> None:
    found = read_references(COCO33 / "references.jsonl")
    items = [Scorable(Reference(e.name, e.texts[1:]), e.texts[0]) for e in found.entries]
    scores = {each.name: each for each in score_rows(tuple(GROUPS), items, found.hash)}
    for name, value in VALUES.items():
        assert scores[name].value == pytest.approx(value, abs=1e-6), name
        assert scores[name].items == 33 and found.hash in scores[name].made_by
    assert "nrefs:4|case:mixed|eff:no|tok:13a|smooth:exp|version:" in scores["bleu"].made_by
    assert "ptb-like" in scores["cider_d"].made_by


def test_words_are_those_of_the_java_tokenizer() -> None:
    for text, wanted in TOKENS:
        assert " ".join(tokens(text)) == wanted


def parts(*texts: str) -> list[list[str]]:
    return [text.split() for text in texts]


def test_published_examples() -> None:
    """BLEU's own (Papineni et al., 2002, section 2): clipped unigram precision 2/7, and 17/18."""
    (the,) = parts("the the the the the the the")
    cats = parts("the cat is on the mat", "there is a cat on the mat")
    row = bleu_sums([(the, cats)])[0]
    assert row[6] / row[2] == 2 / 7
    guide, *references = parts(
        "it is a guide to action which ensures that the military always obeys the commands of the "
        "party",
        "it is a guide to action that ensures that the military will forever heed party commands",
        "it is the guiding principle which guarantees the military forces always being under the "
        "command of the party",
        "it is the practical guide for the army always to heed the directions of the party",
    )
    row = bleu_sums([(guide, references)])[0]
    assert row[6] / row[2] == 17 / 18 and 0 < float(bleu(4, row)) < float(bleu(1, row)) < 1
    # ROUGE's own (Lin, 2004, section 3.1), recall and precision 3/4, then 2/4.
    police, kill, gunman = parts(
        "police killed the gunman", "police kill the gunman", "the gunman kill police"
    )
    assert rouge_l(kill, [police]) == pytest.approx(3 / 4)
    assert rouge_l(gunman, [police]) == pytest.approx(2 / 4)
    # CIDEr of one item alone is 0: every n-gram is in all references there are.
    cat, dogs = parts("a cat on a mat", "two dogs in the snow")
    assert Cider([[cat]]).of(0, cat) == 0.0
    assert Cider([[cat], [dogs]]).of(0, cat) == pytest.approx(10.0)


def test_every_layout_of_references_is_read(tmp_path: Path) -> None:
    entry = {"caption": "A storm.", "keywords": ["storm", "Night sky"]}
    (tmp_path / "captions.json").write_text(json.dumps({"a.jpg": entry, "b.jpg": ["One.", "Two."]}))
    coco = {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
            "annotations": [{"image_id": 1, "caption": "A storm."},
                            {"image_id": 2, "caption": "One."}, {"image_id": 2, "caption": "Two."},
                            {"image_id": 9, "caption": "Nobody's."}]}  # fmt: skip
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    lines = [{"file": "a.jpg", "caption": "A storm.", "keywords": "storm, Night sky"},
             {"image": "b.jpg", "captions": ["One.", "Two."]}]  # fmt: skip
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    (tmp_path / "list.json").write_text("\ufeff" + json.dumps(lines))
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("A storm.\n")
    (tmp_path / "texts" / "b.jpg.txt").write_text("One.\n\nTwo.\n")
    for name in ("captions.json", "coco.json", "lines.jsonl", "list.json", "texts"):
        found = read_references(tmp_path / name)
        about = matched(found, ["/x/a.jpg", "/x/b.jpg"]).by_path
        assert about["/x/a.jpg"].texts == ("A storm.",), name
        assert about["/x/b.jpg"].texts == ("One.", "Two."), name
        if name not in ("coco.json", "texts"):
            assert about["/x/a.jpg"].keywords == ("storm", "night sky"), name
        assert len(found.hash) == 12
    assert "1 annotation of images" in read_references(tmp_path / "coco.json").complaints[0]
    same = [read_references(tmp_path / name).hash for name in ("lines.jsonl", "list.json")]
    assert same[0] == same[1] != read_references(tmp_path / "coco.json").hash


BAD: list[tuple[str, str | bytes | None, str]] = [
    ("empty.json", "", "the file is empty"),
    ("none.json", "{}", "no references in"),
    ("number.json", "3", "must be a JSON object"),
    ("broken.json", '{"a.jpg": ', "not valid JSON"),
    ("deep.json", "[" * 100_000, "nested too deeply"),
    ("lines.jsonl", '{"caption": "x"}\nnonsense\n', "line 1: names no image"),
    ("textless.json", '{"a.jpg": {"captions": [3, null]}}', "a.jpg has neither a text nor"),
    (
        "ids.json",
        '{"images": [{"id": [], "file_name": "a"}], "annotations": [3, {"image_id": {}}]}',
        "2 annotations of images",
    ),
    ("fifo", None, "no references in"),
    ("latin.json", b'{"a.jpg": "caf\xe9"}', "not UTF-8"),
    ("empty-folder", None, "no references in"),
]


def test_bad_references_are_named_in_one_line(tmp_path: Path) -> None:
    for name, content, words_ in BAD:
        path = tmp_path / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UsageError) as error:
            read_references(path)
        assert words_ in str(error.value) and name in str(error.value), str(error.value)
        assert "\n" not in str(error.value)


def test_images_are_found_by_the_end_of_their_path(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"one/a.jpg": "1", "a.jpg": "?", "b": "2", "404.jpg": "3"}))
    about = matched(read_references(path), ["/d/one/a.jpg", "/d/two/a.jpg", "/d/b.png", "/d/c.png"])
    assert {key: value.texts for key, value in about.by_path.items()} == {
        "/d/one/a.jpg": ("1",), "/d/b.png": ("2",)
    }  # fmt: skip
    assert about.notes == (
        f"1 image in {path} was not scanned (404.jpg)",
        f"1 image in {path} was ambiguous: the name fits several images (a.jpg)",
        f"2 images have no reference in {path} (a.jpg, c.png)",
    )
    with pytest.raises(UsageError, match=r"none of 4 images in .* was scanned"):
        matched(read_references(path), ["/d/z.png"])
    path.write_text(json.dumps([{"image_id": 522418, "caption": "A cake."}]))
    assert matched(read_references(path), ["/d/000000522418.jpg"]).notes == ()


def test_keywords_are_found_word_for_word() -> None:
    reference = Reference("a.jpg", (), ("storm", "night sky", "\u7a32\u59bb", "cat"))
    text = Scorable(reference, "A STORM in the night sky, \u5d50\u306e\u591c\u306b\u7a32\u59bb")
    tags = Scorable(reference, None, ("Storm", "sea"))
    scores = {each.name: each for each in score_rows(("keywords",), [text, tags], "0")}
    assert scores["keyword_recall"].value == (3 / 4 + 1 / 4) / 2
    assert (scores["keyword_precision"].value, scores["keyword_precision"].items) == (1 / 2, 1)


def test_a_missing_package_gives_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_scores, "is_installed", lambda: False)
    wanted, why = chosen("")
    assert "bleu" not in wanted and "cider" in wanted
    assert "pip install 'sightline[scores]'" in why
    with pytest.raises(MissingExtra, match="pip install"):
        chosen("rouge,chrf")
    with pytest.raises(UsageError, match="unknown metric 'blue'; did you mean 'bleu'"):
        chosen("blue")


def test_a_word_diff_gives_both_texts_back() -> None:
    pairs = [("A red car.", "A blue car parked."), ("", "x"), ("same", "same"),
             ("\u5d50\u306e\u591c", "\u5d50\u306e\u663c"), ("a  b\n c", "a b\nc")]  # fmt: skip
    for one, other in pairs:
        pieces = list(word_diff(one, other))
        sides = ["".join(text for mark, text in pieces if mark in both) for both in ("=-", "=+")]
        assert [each.split() for each in sides] == [one.split(), other.split()]
    assert list(word_diff("a red car", "a blue car")) == [
        ("=", "a "), ("-", "red"), ("+", "blue"), ("=", " "), ("=", "car")
    ]  # fmt: skip
    assert ("-", "\u591c") in list(word_diff(*pairs[3]))  # by characters
    assert similarity("A red car.", "a RED car") == 1.0 and similarity("", "x") == 0.0
    assert words("it's a re-run") == ["it's", "a", "re-run"]


def test_a_scan_is_scored_and_compared(inside: InProcess, tmp_path: Path) -> None:
    texts = [f"a {colour} {thing} on the {place}" for colour in ("red", "blue")
             for thing in ("car", "dog", "boat") for place in ("road", "sea")]  # fmt: skip
    names = [f"/pictures/{n}.jpg" for n in range(len(texts))]
    worse = [each.replace("a ", "some ").replace("on the", "near") for each in texts]
    library = Library(inside.library)
    add_scan(library, "old", {"caption": {n: said(t) for n, t in zip(names, worse, strict=True)}})
    good = {n: said(t) for n, t in zip(names, texts, strict=True)}
    good[names[0]] = {"error": "the answer is empty", "prompt": "p@1"}
    tags = {names[1]: {"tags": [{"tag": "red"}, {"tag": "sky"}]}}
    add_scan(library, "new", {"caption": good, "tag": tags})
    library.close()
    references = tmp_path / "captions.json"
    references.write_text(json.dumps({
        **{f"{n}.jpg": {"caption": t, "keywords": t.split()[1:3]} for n, t in enumerate(texts)},
        "absent.jpg": "Nothing.",
    }))  # fmt: skip
    ran = inside("score", "2", "--reference", references, "--against", "1", "--json")
    (body,) = ran.json()
    assert "1 image in" in ran.err and "absent.jpg" in ran.err
    tag, caption = body["stages"]
    assert (caption["items"], caption["unanswered"]) == (12, 1)
    values = {each["name"]: each["value"] for each in caption["scores"]}
    assert values["bleu"] == pytest.approx(100) and values["rouge_l"] == pytest.approx(1)
    assert values["keyword_recall"] == 1
    paired = {each["name"]: each for each in caption["paired"]}
    assert paired["rouge_l"]["differs"] and paired["rouge_l"]["items"] == 11
    assert paired["rouge_l"]["words"].startswith("scan 2 better by 0.")
    assert paired["keyword_recall"]["words"] == "no difference: the same for 11 items"
    tagged = {each["name"]: each["value"] for each in tag["scores"]}
    assert tagged == {"keyword_recall": 0.5, "keyword_precision": 0.5}
    out = inside("score", "2", "--references", references, "--metrics", "rouge").out
    assert "rouge_l  1.0000  11" in out and "bleu" not in out
    wrong = {
        ("--truth", "judgements"): "give --truth FILE",
        ("--events", "cut"): "--events is about truth files",
        ("--metrics", "bleau"): "unknown metric",
        ("--stage", "verify"): "no answers of stage",
    }
    for more, words_ in wrong.items():
        ran = inside("score", "2", "--reference", references, *more)
        assert ran.code == 2 and words_ in ran.err, ran.err
