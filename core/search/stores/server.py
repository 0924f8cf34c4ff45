"""The store on a Qdrant server or in Qdrant Cloud, through its REST interface.

The client is asynchronous and runs on an event loop of its own, in a thread. What fails for a
moment is tried again: every change may be made twice without harm.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from ...network.routes import async_transport
from ..server_address import ServerAddress, is_this_machine
from .encoding import Found, Search, decoded, encoded, first_search, hits, stored_payload
from .exact import no_collection, other_dimension
from .fields import FIELDS, check_filter, check_points, check_query
from .protocol import Condition, Filter, Hit, Near, OneOf, Page, Point, Query, Range
from .server_faults import CollectionMissing, fault, is_passing

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, models

T = TypeVar("T")
UPSERT = 256
"""points of a request: 1.5 MB as JSON at 512 dimensions"""
AT_ONCE = 3
"""requests of an upsert under way"""
TRIES = 4
_KINDS = {"keyword": "keyword", "number": "float", "place": "geo"}
_MOST = 100_000
"""hits that are asked for at once"""


class ServerStore:
    """A `VectorStore` on a server. Its collections have a prefix there that names the library."""

    name = "server"

    def __init__(
        self, address: ServerAddress, prefix: str = "",
        generation: Callable[[str], int] | None = None,
    ) -> None:  # fmt: skip
        from qdrant_client import models

        self._models = models
        self._address = address
        self._prefix = prefix
        self._kept_generation = generation
        self._changes: dict[str, int] = {}
        self._dimensions: dict[str, int] = {}
        self._widest: dict[str, float] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="sightline-qdrant", daemon=True
        )
        self._thread.start()
        self._client = self._run(_connected(address))

    def create(self, collection: str, dimension: int) -> None:
        """Make a collection with its payload indexes."""
        known = self._dimension(collection)
        if known is not None and known != dimension:
            raise other_dimension(collection, known, dimension)
        if known is None:
            self._run(self._make(collection, dimension))
            self._dimensions[collection] = dimension

    def drop(self, collection: str) -> None:
        """Remove a collection."""
        self._ask(lambda client: client.delete_collection(self._named(collection)))
        self._dimensions.pop(collection, None)
        self._changed(collection)

    def collections(self) -> dict[str, int]:
        """Return the dimension of each collection of this library."""
        found = self._ask(lambda client: client.get_collections())
        names = [each.name for each in found.collections if each.name.startswith(self._prefix)]
        own = sorted(name[len(self._prefix) :] for name in names)
        sizes = {name: self._dimension(name) for name in own}
        return {name: size for name, size in sizes.items() if size is not None}

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Add or replace points; on return the server has them on its disk."""
        check_points(points, self._existing(collection))
        make = self._models.PointStruct
        rows = [
            make(id=str(p.id), vector=encoded(p).tolist(), payload=stored_payload(p))
            for p in points
        ]
        parts = [rows[start : start + UPSERT] for start in range(0, len(rows), UPSERT)]
        self._run(self._upserted(collection, parts))
        self._changed(collection)

    def delete(self, collection: str, ids: Sequence[UUID]) -> None:
        """Remove points."""
        if self._dimension(collection) is None:
            return
        for start in range(0, len(ids), 4096):
            part = self._models.PointIdsList(points=[*map(str, ids[start : start + 4096])])
            self._ask(partial(self._deleted, collection, part))
        self._changed(collection)

    def query(self, collection: str, query: Query) -> list[Hit]:
        """Return the points with the highest scores."""
        return self.query_many(collection, [query])[0]

    def query_many(self, collection: str, queries: Sequence[Query]) -> list[list[Hit]]:
        """Return what is found for each, in one request."""
        dimension = self._dimension(collection)
        for each in queries:
            check_filter(each.filter) if dimension is None else check_query(each, dimension)
        if dimension is None or not queries:
            return [[] for _ in queries]
        filters = [self._filter(each.filter) for each in queries]
        searches = [first_search(each) for each in queries]
        first = self._search(collection, list(zip(searches, filters, strict=True)))
        return [
            hits(query, found, partial(self._again, collection, which),
                 lambda: self._widest_of(collection))
            for query, found, which in zip(queries, first, filters, strict=True)
        ]  # fmt: skip

    def count(self, collection: str, which: Filter | None = None) -> int:
        """Return how many points pass a filter."""
        check_filter(which)
        if self._dimension(collection) is None:
            return 0
        wanted = self._filter(which)
        found = self._ask(
            lambda client: client.count(self._named(collection), count_filter=wanted, exact=True)
        )
        return int(found.count)

    def scroll(
        self,
        collection: str,
        which: Filter | None = None,
        *,
        limit: int = 1000,
        after: UUID | None = None,
        vectors: bool = False,
    ) -> Page:
        """Return points in order of the id."""
        check_filter(which)
        if self._dimension(collection) is None:
            return Page((), None)
        wanted = self._filter(which)
        rows, then = self._ask(
            lambda client: client.scroll(
                self._named(collection), scroll_filter=wanted, limit=limit,
                offset=None if after is None else str(after), with_payload=True,
                with_vectors=vectors,
            )
        )  # fmt: skip
        return Page(tuple(map(_point, rows)), None if then is None else UUID(str(then)))

    def retrieve(self, collection: str, ids: Sequence[UUID]) -> list[Point]:
        """Return the points that exist of these."""
        if self._dimension(collection) is None or not ids:
            return []
        rows = self._ask(
            lambda client: client.retrieve(
                self._named(collection), [*map(str, ids)], with_payload=True, with_vectors=True
            )
        )
        found = {each.id: each for each in map(_point, rows)}
        return [found[each] for each in ids if each in found]

    def generation(self, collection: str) -> int:
        """Return a number that every change of this library's engine raises."""
        if self._kept_generation is not None:
            return self._kept_generation(collection)
        return self._changes.get(collection, 0)

    def close(self) -> None:
        """Close the connections."""
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # Requests

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _ask(self, request: Callable[[AsyncQdrantClient], Awaitable[T]]) -> T:
        return self._run(self._tried(request))

    async def _tried(self, request: Callable[[AsyncQdrantClient], Awaitable[T]]) -> T:
        """Return the reply to a request that is sent up to `TRIES` times. Raises IndexFault."""
        for left in reversed(range(TRIES)):
            try:
                return await request(self._client)
            except Exception as error:
                if not left or not is_passing(error):
                    raise fault(error, self._address) from error
            pause = 0.2 * 2 ** (TRIES - 1 - left)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 no secret
        raise AssertionError

    async def _make(self, collection: str, dimension: int) -> None:
        models, name = self._models, self._named(collection)
        await self._tried(
            lambda client: client.create_collection(
                name,
                vectors_config=models.VectorParams(
                    size=dimension + 1, distance=models.Distance.DOT,
                    datatype=models.Datatype.FLOAT16,
                ),
                # Search is exact, so no graph is built.
                optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0),
            )
        )  # fmt: skip
        for field, kind in (*FIELDS.items(), ("spread", "number")):
            schema = models.PayloadSchemaType(_KINDS[kind])
            await self._tried(partial(_create_payload_index, name, field, schema))

    async def _upserted(self, collection: str, parts: Sequence[list[models.PointStruct]]) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(part: list[models.PointStruct]) -> None:
            async with turns:
                await self._tried(
                    lambda client: client.upsert(self._named(collection), part, wait=True)
                )

        await asyncio.gather(*map(one, parts))

    def _deleted(
        self, collection: str, part: models.PointIdsList, client: AsyncQdrantClient
    ) -> Awaitable[Any]:
        return client.delete(self._named(collection), part, wait=True)

    def _again(self, collection: str, which: models.Filter | None, search: Search) -> list[Found]:
        return self._search(collection, [(search, which)])[0]

    def _search(
        self, collection: str, searches: Sequence[tuple[Search, models.Filter | None]]
    ) -> list[list[Found]]:
        requests = [
            self._models.QueryRequest(
                query=each.vector.tolist(), filter=which, limit=max(min(each.limit, _MOST), 1),
                offset=each.offset, score_threshold=each.least, with_payload=True,
                params=self._models.SearchParams(exact=True),
            )
            for each, which in searches
        ]  # fmt: skip
        replies = self._ask(
            lambda client: client.query_batch_points(self._named(collection), requests)
        )
        return [
            [_found(p) for p in reply.points][: each.limit]
            for reply, (each, _) in zip(replies, searches, strict=True)
        ]

    def _widest_of(self, collection: str) -> float:
        """Return the greatest spread in a collection; looked up again after each change."""
        if collection not in self._widest:
            order = self._models.OrderBy(key="spread", direction=self._models.Direction.DESC)
            rows, _ = self._ask(
                lambda client: client.scroll(
                    self._named(collection), limit=1, order_by=order, with_payload=True
                )
            )
            self._widest[collection] = float((rows[0].payload or {})["spread"]) if rows else 1.0
        return self._widest[collection]

    def _dimension(self, collection: str) -> int | None:
        """Return the dimension of a collection; None if the server has none of that name."""
        if collection not in self._dimensions:
            try:
                found = self._ask(lambda client: client.get_collection(self._named(collection)))
            except CollectionMissing:
                return None
            size = getattr(found.config.params.vectors, "size", 0)
            self._dimensions[collection] = int(size) - 1
        return self._dimensions[collection]

    def _existing(self, collection: str) -> int:
        dimension = self._dimension(collection)
        if dimension is None:
            raise no_collection(collection)
        return dimension

    def _named(self, collection: str) -> str:
        return f"{self._prefix}{collection}"

    def _changed(self, collection: str) -> None:
        self._widest.pop(collection, None)
        self._changes[collection] = self._changes.get(collection, 0) + 1

    # Filters

    def _filter(self, which: Filter | None) -> models.Filter | None:
        if not which:
            return None
        must: list[Any] = [self._condition(each) for each in which.must]
        if which.ids is not None:
            must.append(self._models.HasIdCondition(has_id=[*map(str, which.ids)]))
        must_not: list[Any] = [self._condition(each) for each in which.must_not]
        return self._models.Filter(must=must, must_not=must_not)

    def _condition(self, condition: Condition) -> Any:
        models, field = self._models, self._models.FieldCondition
        if isinstance(condition, Near):
            centre = models.GeoPoint(lon=condition.longitude, lat=condition.latitude)
            radius = models.GeoRadius(center=centre, radius=condition.kilometres * 1000)
            return field(key=condition.field, geo_radius=radius)
        if isinstance(condition, Range):
            bounds = models.Range(
                gte=condition.gte, lte=condition.lte, gt=condition.gt, lt=condition.lt
            )
            return field(key=condition.field, range=bounds)
        return self._one_of(condition)

    def _one_of(self, condition: OneOf) -> Any:
        models, field = self._models, self._models.FieldCondition
        if FIELDS[condition.field] == "number":  # indexed as floats: equal is a range of one
            equal = [
                field(key=condition.field, range=models.Range(gte=float(v), lte=float(v)))
                for v in condition.values
            ]
            return models.Filter(should=[*equal])
        values: Any = list(condition.values)
        return field(key=condition.field, match=models.MatchAny(any=values))


def _create_payload_index(
    collection: str, field: str, schema: models.PayloadSchemaType, client: AsyncQdrantClient
) -> Awaitable[Any]:
    return client.create_payload_index(collection, field, field_schema=schema, wait=True)


async def _connected(address: ServerAddress) -> AsyncQdrantClient:
    """Return a client; the key goes as a header. Nothing is sent yet."""
    import httpx
    from qdrant_client import AsyncQdrantClient

    limits = httpx.Limits(max_connections=AT_ONCE + 1)
    direct = is_this_machine(address.url)
    return AsyncQdrantClient(
        url=address.url,
        headers={"api-key": address.key} if address.key else None,
        timeout=max(1, round(address.timeout_seconds)),
        check_compatibility=False,
        limits=limits,
        transport=async_transport(address.url, direct=direct, limits=limits),
        trust_env=False,
    )


def _found(row: Any) -> Found:
    return UUID(str(row.id)), float(row.score), row.payload or {}


def _point(row: Any) -> Point:
    return decoded(UUID(str(row.id)), row.vector, row.payload or {})
