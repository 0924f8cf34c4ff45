"""What a Qdrant server, or the way to it, refuses: in one line, with what to do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from ...errors import DiskFull, IndexFault, SightlineError
from ...text import clean
from ..server_address import KEY, URL, ServerAddress

PASSING = (408, 429, 500, 502, 503, 504)
"""status codes after which the same request is sent again"""
_FULL = ("no space left", "disk", "out of memory", "storage limit", "quota")


class CollectionMissing(IndexFault):
    """The server has no collection of that name."""


def is_passing(error: Exception) -> bool:
    """Return whether a request may succeed if it is sent again."""
    status = getattr(error, "status_code", None)
    if status is not None:
        return status in PASSING and not _is_full(error)
    import httpx

    causes = list(_causes(error))
    if _certificate(error) or any(
        isinstance(each, (httpx.ReadTimeout, httpx.WriteTimeout)) for each in causes
    ):
        return False  # a server that is slow would only get more to do
    return any(isinstance(each, httpx.TransportError) for each in causes)


def fault(error: Exception, address: ServerAddress) -> SightlineError:
    """Return an error of the client in words. The key is in none of them."""
    if isinstance(error, SightlineError):
        return error
    server = f"the Qdrant server {address.shown}"
    status = getattr(error, "status_code", None)
    if status is not None:
        return _refused(error, int(status), server)
    why = _certificate(error)
    if why:
        return IndexFault(
            f"{server} has no certificate that is trusted here ({why}); set SSL_CERT_FILE to the "
            "file of its issuer"
        )
    return _unreached(error, server, address)


def _refused(error: Exception, status: int, server: str) -> SightlineError:
    if status in (401, 403):
        return IndexFault(f"{server} refuses the key (HTTP {status}); check {KEY}")
    if status == 404:
        return CollectionMissing(
            f"{server} has no such collection; run `sightline index rebuild`, or check {URL}"
        )
    if _is_full(error):
        return DiskFull(
            f"{server} has no space left ({_said(error)}); all vectors are in the library: free "
            "some space there, then `sightline index update`"
        )
    if status in PASSING:
        return IndexFault(f"{server} cannot answer now (HTTP {status}); try again later")
    return IndexFault(f"{server} refuses the request (HTTP {status}: {_said(error)})")


def _unreached(error: Exception, server: str, address: ServerAddress) -> IndexFault:
    import httpx

    causes = list(_causes(error))
    if any(isinstance(each, (httpx.ReadTimeout, httpx.WriteTimeout)) for each in causes):
        return IndexFault(
            f"{server} did not answer within {address.timeout_seconds:g} s; it may be busy: try "
            "again, or raise search.timeout in settings.toml"
        )
    if any(isinstance(each, httpx.TransportError) for each in causes):
        words = clean(str(causes[-1]) or type(causes[-1]).__name__, limit=120)
        return IndexFault(
            f"{server} cannot be reached ({words}); start it, or correct {URL}: all vectors are "
            "in the library"
        )
    what = clean(str(error), limit=200)
    return IndexFault(f"{server}: unexpected answer ({what}); check that Qdrant answers at {URL}")


def _certificate(error: Exception) -> str:
    """Return what is wrong with a certificate; empty if that is not the fault."""
    for each in _causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return clean(each.verify_message, limit=120)
        if "CERTIFICATE_VERIFY_FAILED" in str(each):
            return clean(str(each).partition("CERTIFICATE_VERIFY_FAILED]")[2], limit=120).strip()
    return ""


def _is_full(error: Exception) -> bool:
    status, said = int(getattr(error, "status_code", 0)), _said(error).lower()
    return status >= 500 and (status == 507 or any(each in said for each in _FULL))


def _said(error: Exception) -> str:
    content = getattr(error, "content", b"")
    return clean(bytes(content)[:300].decode("utf-8", "replace"), limit=200)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, the first cause last."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        source = getattr(found, "source", None)
        known = source if isinstance(source, BaseException) else None
        found = known or found.__cause__ or found.__context__
