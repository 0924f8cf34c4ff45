"""One search: vectors of frames and objects, words of texts and tags, fused and cut off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..protocol.requests.search import MOST_FOUND, Search
from ..protocol.search_terms import SearchTerm
from ..storage.indexed_words import MOST_TERMS, terms_of
from ..storage.text_index import TextIndex, What, WordMatch
from ..text import counted
from .cache import SearchCache
from .cutoff import UNRELIABLE, ChanceTail
from .fusion import Fused, fused
from .query_vector import QueryVector
from .scope import Scope
from .vector_hits import Part, SearchedIndex, VectorHit, VectorHits, tail_of, vector_hits

TEXTS: tuple[What, ...] = ("caption", "description")
TAGS: tuple[What, ...] = ("tags", "labels")


class Place(NamedTuple):
    """What a hit is about: a frame of a content, or (with a part) an object in it."""

    content: str
    frame: int
    part: str = ""


@dataclass(slots=True)
class Match:
    """One hit, with its rank in each list."""

    place: Place
    seconds: float
    ranks: Fused[Place]
    passes: bool = False
    image: VectorHit | None = None
    object: VectorHit | None = None
    words: list[WordMatch] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Matches:
    """What was found: those that pass, and the rest, each best first.

    Of the rest, those with the words of the query in a tag come first: the ranks of images that do
    not pass say little.
    """

    passing: tuple[Match, ...]
    rest: tuple[Match, ...]
    searched: int = 0
    least_z: float | None = None
    notes: tuple[str, ...] = ()


def find(
    search: Search, query: QueryVector | None, index: SearchedIndex | None, words: TextIndex,
    scope: Scope, cache: SearchCache,
) -> Matches:  # fmt: skip
    """Return everything that a query finds. Raises UsageError, IndexFault."""
    images, objects, tail = VectorHits(), VectorHits(), None
    excluded: set[tuple[str, int]] = set()
    if index is not None and query is not None:
        tail = tail_of(index, cache) if query.is_calibrated else None
        rate = search.false_rate
        parts: list[Part] = ["object"] if search.what == "objects" else ["frame", "object"]
        *frames, objects = vector_hits(index, query, parts, scope, MOST_FOUND, tail, rate)
        images = frames[0] if frames else images
        excluded = _shown(query.subtracted, index, scope, cache, rate)
    said = _said(search, words, scope, excluded)
    found = _fused(
        images, objects, said, by_object=search.what == "objects", has_cut_off=tail is not None
    )
    _judge(found, has_cut_off=tail is not None)
    return Matches(
        tuple(each for each in found if each.passes),
        tuple(sorted((m for m in found if not m.passes), key=lambda m: not m.words)),
        images.total + objects.total,
        images.least_z if images.least_z is not None else objects.least_z,
        tuple(_notes(search, query, tail)),
    )


def wanted_text(terms: Iterable[SearchTerm]) -> str:
    """Return all texts of a query that are looked for, as one."""
    return " ".join(each.value for each in terms if each.kind == "text" and each.weight > 0)


def _shown(
    subtracted: Sequence[QueryVector], index: SearchedIndex, scope: Scope, cache: SearchCache,
    false_rate: float,
) -> set[tuple[str, int]]:  # fmt: skip
    """Return the frames that show what is subtracted: no caption makes them a hit."""
    tail = tail_of(index, cache) if subtracted else None
    if tail is None:
        return set()
    found = (
        vector_hits(index, each, ("frame",), scope, MOST_FOUND, tail, false_rate)[0]
        for each in subtracted
    )
    return {(hit.content, hit.frame) for hits in found for hit in hits.hits if hit.passes}


def _said(
    search: Search, words: TextIndex, scope: Scope, shown: set[tuple[str, int]]
) -> dict[str, list[WordMatch]]:
    """Return the texts and the tags that hold the words of a query and none that it excludes."""
    text = wanted_text(search.terms)
    excluded = shown | {
        (each.content, each.frame)
        for term in search.terms
        if term.kind == "text" and term.weight < 0
        for each in words.find(term.value, (*TEXTS, *TAGS), 10 * MOST_FOUND)
    }
    return {
        name: [
            each
            for each in words.find(text, what, MOST_FOUND)
            if scope.admits(each.content, each.frame) and (each.content, each.frame) not in excluded
        ]
        for name, what in (("text", TEXTS), ("tag", TAGS))
    }


def _fused(
    images: VectorHits, objects: VectorHits, said: Mapping[str, list[WordMatch]], *,
    by_object: bool, has_cut_off: bool,
) -> list[Match]:  # fmt: skip
    lists = _vector_lists(images, objects, by_object=by_object, has_cut_off=has_cut_off)
    for name, matches in said.items():
        placed = [(_place_of(each, by_object=by_object), round(each.weight, 6)) for each in matches]
        # Labels and captions are of frames; an object's own label is with its vector.
        lists[name] = [each for each in placed if each[0].part] if by_object else placed
    found = {each.key: Match(each.key, 0.0, each) for each in fused(lists)}
    for hit in reversed(objects.hits):  # the best one last, which stays
        match = found.get(_place(hit, by_object=by_object))
        if match is not None and (by_object or hit.passes):
            match.object, match.seconds = hit, hit.seconds
    for hit in images.hits:
        match = found[_place(hit)]
        match.image, match.seconds = hit, hit.seconds
    for each in (each for matches in said.values() for each in matches):
        match = found.get(_place_of(each, by_object=by_object))
        if match is not None:
            match.words.append(each)
            match.seconds = match.seconds or each.seconds
    return list(found.values())


def _vector_lists(
    images: VectorHits, objects: VectorHits, *, by_object: bool, has_cut_off: bool
) -> dict[str, list[tuple[Place, float]]]:
    """Return the lists of frames and of objects, by value.

    A rank says nothing of how near a vector is: the nearest of a few objects would lift its frame
    whatever it shows. So where there is a cut-off only those that pass are listed. Where there is
    none (what is searched by is an image), frames and objects are one list.
    """
    frames = [(_place(each), _value(each)) for each in images.hits]
    parts = [each for each in objects.hits if by_object or each.passes or not has_cut_off]
    own = [(_place(each, by_object=by_object), _value(each)) for each in parts]
    if by_object or has_cut_off:
        return {"image": frames, "object": own}
    return {"image": sorted([*frames, *own], key=lambda each: -each[1]), "object": []}


def _judge(found: Sequence[Match], *, has_cut_off: bool) -> None:
    """Say which matches pass: by chance of their vectors, or because the words are there.

    Tags of a model only rank where there is a cut-off: they come from the same vectors, by a
    threshold of their own.
    """
    for each in found:
        vectors = [hit for hit in (each.image, each.object) if hit is not None]
        by_words = any(_is_evidence(word, has_cut_off=has_cut_off) for word in each.words)
        each.passes = by_words or any(hit.passes for hit in vectors)


def _is_evidence(word: WordMatch, *, has_cut_off: bool) -> bool:
    return word.what != "tags" or word.corrected or not has_cut_off


def _place(hit: VectorHit, *, by_object: bool = False) -> Place:
    return Place(hit.content, hit.frame, hit.part if by_object else "")


def _place_of(match: WordMatch, *, by_object: bool) -> Place:
    part = match.part.partition("|")[0] if by_object else ""
    return Place(match.content, match.frame, part)


def _value(hit: VectorHit) -> float:
    return hit.cosine if hit.z is None else hit.z


def _notes(search: Search, query: QueryVector | None, tail: ChanceTail | None) -> Iterable[str]:
    yield from query.notes if query is not None else ()
    count = len(terms_of(wanted_text(search.terms)))
    if count > MOST_TERMS:
        yield f"captions and tags were searched for {MOST_TERMS} of {counted(count, 'word')}"
    if query is not None and not query.is_calibrated:
        yield "no cut-off: a false rate is known for words alone, not for images"
    elif query is not None and tail is None:
        yield "no cut-off: the index has no background sentences; run `sightline index rebuild`"
    elif tail is not None and tail.absent > UNRELIABLE * search.false_rate:
        yield (
            f"the cut-off does not hold with this model: of sentences about other things "
            f"{tail.absent:.0%} find something, not 5% (see docs/search.md)"
        )
