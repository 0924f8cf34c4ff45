"""What the hub's refusals mean to the user: one line each, with what to do."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ..errors import DownloadFailed, ModelMissing, SightlineError
from ..network import routes as network
from ..text import clean


@dataclass(frozen=True, slots=True)
class HubRequest:
    """What was asked for, for a message about it."""

    hub: str
    """address of the hub or mirror"""
    repo: str
    revision: str = ""
    path: str = ""
    with_token: bool = False


class NoSuchFile(ModelMissing):
    """The model is there, and has no such file."""


class TransientFault(Exception):
    """A fault that may be gone the next time; `wait_seconds` is how long the hub asks to wait."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def refusal(
    status: int, headers: Mapping[str, str], asked: HubRequest
) -> SightlineError | TransientFault:
    """Return what an HTTP status of 400 or more means."""
    code = headers.get("x-error-code", "")
    if status == 429:
        return TransientFault("the hub's rate limit is reached", _retry_after(headers))
    if status >= 500 or status == 408:
        return TransientFault(f"the hub answers {status}", _retry_after(headers))
    if code == "GatedRepo":
        return _gated(asked)
    if code == "RevisionNotFound":
        return _no_revision(asked)
    if code == "EntryNotFound":
        return NoSuchFile(f"{clean(asked.repo)} has no file '{clean(asked.path)}'")
    if status == 401 and "invalid" in headers.get("x-error-message", "").lower():
        return ModelMissing("the hub does not know your token; get a new one with `hf auth login`")
    if status in (401, 403, 404):
        return _not_found(status, asked)
    return DownloadFailed(f"{clean(asked.repo)}: the hub answers {status}")


def unreachable(error: Exception, asked: HubRequest) -> str:
    """Return why a hub could not be talked to, in words."""
    why = clean(str(error) or type(error).__name__)
    if "CERTIFICATE_VERIFY_FAILED" in why:
        why += "; a network that inspects traffic needs its certificate in SSL_CERT_FILE"
    environment = network.words(asked.hub)
    return f"{clean(asked.hub)} cannot be reached ({'; '.join(filter(None, (why, environment)))})"


def gave_up(reason: str, asked: HubRequest, *, kept: bool) -> DownloadFailed:
    """Return the error for a fault that did not pass."""
    what = clean(asked.repo) + (f": {clean(asked.path)}" if asked.path else "")
    keep = "run the same command again to continue" if kept else (
        "check the network, or HF_ENDPOINT if you use a mirror; --offline uses only what is "
        "on this disk"
    )  # fmt: skip
    return DownloadFailed(f"{what}: {reason}; {keep}")


def _gated(asked: HubRequest) -> SightlineError:
    page = clean(f"{asked.hub}/{asked.repo}")
    then = (
        "with the account you are logged in with" if asked.with_token
        else "and log in with `hf auth login`"
    )  # fmt: skip
    return ModelMissing(
        f"{clean(asked.repo)} is gated: accept its terms at {page} {then}, then pull it again"
    )


def _no_revision(asked: HubRequest) -> SightlineError:
    return ModelMissing(
        f"{clean(asked.repo)} has no revision '{clean(asked.revision)}'; see "
        f"{clean(f'{asked.hub}/{asked.repo}/commits/main')}, or leave @{clean(asked.revision)} out"
    )


def _not_found(status: int, asked: HubRequest) -> SightlineError:
    advice = (
        "or your account may not read it: check the name" if asked.with_token
        else "or it is private: check the name, or log in with `hf auth login`"
    )  # fmt: skip
    return ModelMissing(f"the hub has no model '{clean(asked.repo)}', {advice} (status {status})")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return seconds out of Retry-After (a number or a date) or the hub's own RateLimit."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    if text:
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except ValueError:
            return None
    limit = re.search(r"r\s*=\s*0\s*;\s*t\s*=\s*(\d+)", headers.get("ratelimit", ""))
    return float(limit[1]) if limit else None
