"""Answers to `Search`: the filter read, the query embedded, hits found and made into rows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..config.spec import tagged_hash
from ..errors import NothingIndexed, UsageError
from ..protocol.codec import encoded
from ..protocol.requests.search import Search, SearchReply, SearchWhat
from ..protocol.search_terms import SearchTerm, check_terms, negation_in
from ..search.cache import SearchCache
from ..search.found import Listed, alone, as_events, diverse, with_moments
from ..search.index import SearchIndex
from ..search.opened import searched
from ..search.query_models import QueryModels
from ..search.query_vector import QueryVector, QueryVectors, StoredVector
from ..search.scope import Scope, scope_of
from ..search.searching import Match, Matches, find, wanted_text
from ..search.stored_vectors import stored_vector
from ..search.vector_hits import SearchedIndex
from ..storage.conditions import Kind
from ..storage.library import Library
from ..text import clean
from . import filters
from .search_rows import rows_of, with_paths

if TYPE_CHECKING:
    from ..models.residency import Residency

_VERSION = 1
"""of replies in the cache"""
_LISTS: dict[SearchWhat, Kind] = {
    "frames": "frames", "objects": "frames", "events": "moments", "candidates": "candidates",
}  # fmt: skip
"""on the rows of which list a filter is about"""


class Searches:
    """Searches of one library. Any thread may call; one search at a time uses a model."""

    def __init__(
        self, library: Library, index: SearchIndex, residency: Callable[[], Residency] | None = None
    ) -> None:
        self._library = library
        self._index = index
        self._models = QueryModels(residency)
        self._cache = SearchCache(library.folder)
        self.from_cache = 0
        """replies that were known"""

    def search(self, request: Search) -> SearchReply:
        """Return what is found. Raises UsageError, NothingIndexed, IndexFault, ModelMissing."""
        _check(request)
        conditions = filters.parse(request.text).conditions
        if any(each.name == "kind" for each in conditions):
            from .filter_kinds import check_kinds

            check_kinds(self._library, conditions)
        notes: list[str] = []
        index = searched(self._index)
        query = self._query(request, index, notes)
        key = self._key(request, index, query)
        reply = self._kept(key)
        if reply is None:
            scope = scope_of(self._library, conditions, _LISTS[request.what])
            reply = self._found(request, index, query, scope, notes)
            self._cache.put("reply", key, json.dumps(encoded(SearchReply, reply)).encode())
        return with_paths(self._library, reply)

    def close(self) -> None:
        """Release models and files."""
        self._models.close()
        self._cache.close()

    def _query(
        self, request: Search, index: SearchedIndex | None, notes: list[str]
    ) -> QueryVector | None:
        """Return the query as a vector; None where nothing is indexed, and words are left."""
        if index is None:
            if any(term.kind == "image" for term in request.terms):
                raise NothingIndexed(
                    "nothing is indexed yet, so nothing can be found by example; run "
                    "`sightline index PATH`"
                )
            notes.append("no vectors are indexed: only captions and tags were searched "
                         "(`sightline index PATH` adds vectors)")  # fmt: skip
            return None
        vectors = QueryVectors(index.space, self._cache, self._models)
        stored = [self._stored(index, term) for term in request.terms]
        return vectors.of(request.terms, stored)

    def _stored(self, index: SearchedIndex, term: SearchTerm) -> StoredVector | None:
        return stored_vector(self._library, index, term) if term.kind == "image" else None

    def _found(
        self, request: Search, index: SearchedIndex | None, query: QueryVector | None,
        scope: Scope, notes: list[str],
    ) -> SearchReply:  # fmt: skip
        found = find(request, query, index, self._library.words, scope, self._cache)
        if index is None and not found.passing and not self._library.words.count():
            raise NothingIndexed(
                "nothing in this library can be searched yet; run `sightline index PATH`"
            )
        listed = self._listed(request, found.passing, index, scope)
        shown = found.rest if request.every else found.rest[:1]
        rest = self._listed(request, shown, index, scope)
        every = [*listed, *rest] if request.every else listed
        _check_page(request, len(every))
        page = every[request.first : request.last]
        if request.exact and index is not None and query is not None:
            page = self._exact(page, index, query, notes)
        notes += [*found.notes, *_hint(request.terms)]
        best = rows_of(self._library, rest[:1], passing=0) if not listed else []
        return SearchReply(
            len(listed), len(rest) if request.every else len(found.rest), request.first,
            tuple(rows_of(self._library, page, passing=len(listed) - request.first)),
            best[0] if best else None,
            tuple(dict.fromkeys(notes)),
            _facts(request, index, found),
        )  # fmt: skip

    def _listed(
        self, request: Search, matches: Sequence[Match], index: SearchedIndex | None, scope: Scope
    ) -> list[Listed]:
        contents = list({each.place.content for each in matches})
        sources = self._library.found_sources.of(contents)
        if request.what == "objects":
            rows = alone(matches)
        elif request.what == "frames":
            videos = {content for content, source in sources.items() if source.kind == "video"}
            rows = with_moments(matches, videos, index)
        else:
            rows = as_events(self._library, matches, request.what, scope)
        rows = diverse(rows) if request.diverse else rows
        if request.sort == "match":
            return rows
        return sorted(rows, key=lambda row: _order(request.sort, row, sources))

    def _exact(
        self, page: Sequence[Listed], index: SearchedIndex, query: QueryVector, notes: list[str]
    ) -> list[Listed]:
        from .exact_rows import exact_rows

        with self._models.lent(index.space) as model:
            return exact_rows(self._library, page, index, query, model, notes)

    def _key(self, request: Search, index: SearchedIndex | None, query: QueryVector | None) -> str:
        terms = query.key if query is not None else wanted_text(request.terms)
        own = encoded(Search, replace(request, terms=()))
        state = [index.space.digest, index.generation] if index is not None else []
        texts = [[t.value, t.weight > 0] for t in request.terms if t.kind == "text"]
        return tagged_hash(
            "reply", [_VERSION, own, terms, texts, state, self._library.found_sources.revision()]
        )

    def _kept(self, key: str) -> SearchReply | None:
        kept = self._cache.get("reply", key)
        if kept is None:
            return None
        body = json.loads(kept)
        rows, notes = tuple(body.pop("rows")), tuple(body.pop("notes"))
        self.from_cache += 1
        return SearchReply(**body, rows=rows, notes=notes)


def _check(request: Search) -> None:
    check_terms(request.terms)
    if not (math.isfinite(request.false_rate) and 0 < request.false_rate < 1):
        raise UsageError("the false rate must be more than 0% and less than 100%, such as 5%")
    if request.exact and request.what != "frames":
        raise UsageError("--exact refines moments of frames; leave --what out")


def _check_page(request: Search, count: int) -> None:
    """Raise UsageError for a page past the end."""
    if request.first and request.first >= count:
        size = max(request.last - request.first, 1)
        raise UsageError(
            f"there is no page {request.first // size + 1}: {count} found, at {size} a page"
        )


def _order(sort: str, row: Listed, sources: dict[str, Any]) -> tuple[str, str, float]:
    source = sources.get(row.match.place.content)
    path = source.paths[-1] if source is not None and source.paths else ""
    date = (source.captured or "") if source is not None and sort == "date" else ""
    return date, path, row.match.seconds


def _hint(terms: Sequence[SearchTerm]) -> Iterable[str]:
    word = negation_in(terms)
    if word:
        yield (
            f"'{clean(word)}' in a query excludes nothing: models ignore it; subtract what you do "
            "not want, for example: street - people"
        )


def _facts(request: Search, index: SearchedIndex | None, found: Matches) -> dict[str, Any]:
    return {
        "model": index.space.model if index is not None else None,
        "searched": found.searched,
        "false_rate": request.false_rate,
        "least_z": found.least_z,
    }
