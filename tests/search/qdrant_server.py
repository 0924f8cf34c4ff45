"""A stand-in for a Qdrant server: its REST interface over the client library's local mode.

It answers the requests that `ServerStore` sends, as documented at api.qdrant.tech, and can be made
slow, full, busy, or ask for a key.
"""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from qdrant_client import QdrantClient, models
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class QdrantStandIn:
    """The collections of one server. `troubles` are (status, words) of the next replies."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.troubles: list[tuple[int, str]] = []
        self.delay = 0.0
        self.requests: list[str] = []
        self._lock = threading.Lock()
        self._db = QdrantClient(":memory:", force_disable_check_same_thread=True)
        self.app = Starlette(routes=[
            self._route("/collections", "GET", self._list),
            self._route("/collections/{name}", "GET", self._info),
            self._route("/collections/{name}", "PUT", self._create),
            self._route("/collections/{name}", "DELETE", self._drop),
            self._route("/collections/{name}/index", "PUT", self._done),
            self._route("/collections/{name}/points", "PUT", self._upsert),
            self._route("/collections/{name}/points", "POST", self._retrieve),
            self._route("/collections/{name}/points/delete", "POST", self._delete),
            self._route("/collections/{name}/points/query/batch", "POST", self._query),
            self._route("/collections/{name}/points/count", "POST", self._count),
            self._route("/collections/{name}/points/scroll", "POST", self._scroll),
        ])  # fmt: skip

    def _route(self, path: str, method: str, answer: Callable[[str, dict[str, Any]], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            self.requests.append(f"{method} {path}")
            if self.key and request.headers.get("api-key") != self.key:
                return _refused(401, "Invalid API key or JWT")
            await asyncio.sleep(self.delay)
            if self.troubles:
                return _refused(*self.troubles.pop(0))
            name = request.path_params.get("name", "")
            body = await request.json() if await request.body() else {}
            needs = method == "GET" or path != "/collections/{name}"
            if name and needs and not self._db.collection_exists(name):
                return _refused(404, f"Not found: Collection `{name}` doesn't exist!")
            with self._lock, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return JSONResponse({"result": answer(name, body), "status": "ok", "time": 0.0})

        handler: Callable[[Request], Awaitable[Response]] = endpoint
        return Route(path, handler, methods=[method])

    def _list(self, _name: str, _body: dict[str, Any]) -> Any:
        return _plain(self._db.get_collections())

    def _info(self, name: str, _body: dict[str, Any]) -> Any:
        return _plain(self._db.get_collection(name))

    def _create(self, name: str, body: dict[str, Any]) -> Any:
        wanted = models.CreateCollection.model_validate(body)
        return self._db.create_collection(name, vectors_config=wanted.vectors)

    def _drop(self, name: str, _body: dict[str, Any]) -> Any:
        return self._db.delete_collection(name)

    def _done(self, _name: str, _body: dict[str, Any]) -> Any:
        return {"operation_id": 0, "status": "completed"}

    def _upsert(self, name: str, body: dict[str, Any]) -> Any:
        self._db.upsert(name, models.PointsList.model_validate(body).points)
        return self._done(name, body)

    def _delete(self, name: str, body: dict[str, Any]) -> Any:
        self._db.delete(name, models.PointIdsList.model_validate(body))
        return self._done(name, body)

    def _retrieve(self, name: str, body: dict[str, Any]) -> Any:
        return _plain(self._db.retrieve(name, body["ids"], with_payload=True, with_vectors=True))

    def _query(self, name: str, body: dict[str, Any]) -> Any:
        found = []
        for each in models.QueryRequestBatch.model_validate(body).searches:
            assert each.params is not None and each.params.exact
            found.append(self._db.query_points(
                name, query=each.query, query_filter=each.filter, limit=each.limit or 10,
                offset=each.offset, with_payload=True, score_threshold=each.score_threshold,
            ))  # fmt: skip
        return _plain(found)

    def _count(self, name: str, body: dict[str, Any]) -> Any:
        wanted = models.CountRequest.model_validate(body)
        return _plain(self._db.count(name, count_filter=wanted.filter, exact=True))

    def _scroll(self, name: str, body: dict[str, Any]) -> Any:
        wanted = models.ScrollRequest.model_validate(body)
        points, then = self._db.scroll(
            name, scroll_filter=wanted.filter, limit=wanted.limit or 10, offset=wanted.offset,
            order_by=wanted.order_by, with_payload=True, with_vectors=bool(wanted.with_vector),
        )  # fmt: skip
        return {"points": _plain(points), "next_page_offset": then}

    @contextmanager
    def serving(self, certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
        """Serve on a free port of this machine and yield the address."""
        chain, key = certificate or (None, None)
        server = uvicorn.Server(
            uvicorn.Config(
                self.app, port=0, log_level="error", lifespan="off", ssl_certfile=chain,
                ssl_keyfile=key,
            )
        )  # fmt: skip
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the stand-in did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
            self._db.close()


def _refused(status: int, words: str) -> Response:
    return JSONResponse({"status": {"error": words}, "time": 0.0}, status)


def _plain(value: Any) -> Any:
    """Return records of the client library as JSON."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.model_dump(mode="json", exclude_none=True)
