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


class NoSuchRevision(ModelMissing):
    """The model is there, and has no such commit, tag or branch."""


class HubUnavailable(DownloadFailed):
    """The hub cannot be reached, or was too busy for too long."""


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
    said = clean(headers.get("x-error-message", ""), limit=300)
    if status == 429:
        return TransientFault("the hub's rate limit is reached", stated_wait(headers))
    if status >= 500 or status == 408:
        return TransientFault(f"the hub answers {status}", stated_wait(headers))
    if code == "GatedRepo":
        return _gated(status, said, asked)
    if code == "RevisionNotFound":
        return _no_revision(asked)
    if code == "EntryNotFound":
        return NoSuchFile(f"{clean(asked.repo)} has no file '{clean(asked.path)}'")
    return _other_refusal(status, said, asked)


def _other_refusal(status: int, said: str, asked: HubRequest) -> SightlineError:
    lower = said.lower()
    if status == 401 and ("invalid" in lower or "expired" in lower):
        what = "your token for the hub has expired" if "expired" in lower else (
            "the hub does not know your token"
        )  # fmt: skip
        return ModelMissing(f"{what}; get a new one with `hf auth login`")
    if status in (403, 451) and "disabled" in lower:
        return ModelMissing(
            f"{clean(asked.repo)} was disabled by the hub, so nobody can download it ({said}); "
            "choose another model, or a copy that you trust"
        )
    if "fine-grained" in lower:
        return ModelMissing(_token_rights(asked))
    if status in (401, 403, 404):
        return _not_found(status, said, asked)
    hub_says = f" ({said})" if said else ""
    return DownloadFailed(f"{clean(asked.repo)}: the hub answers {status}{hub_says}")


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
    return HubUnavailable(f"{what}: {reason}; {keep}")


_GATES = (
    (("await", "pending"), "your request for access is awaiting review by its authors; {page} "
     "shows its state; pull it again once it is granted"),
    (("reject",), "its authors rejected your request for access; ask them at {page}, or choose "
     "another model"),
)  # fmt: skip
"""words of the hub about a request for access, and what is said instead"""


def _gated(status: int, said: str, asked: HubRequest) -> SightlineError:
    """Return why a gated repository is closed to this user: the hub's text says which it is."""
    repo, page, lower = clean(asked.repo), clean(f"{asked.hub}/{asked.repo}"), said.lower()
    if "fine-grained" in lower:
        return ModelMissing(_token_rights(asked))
    for words, why in _GATES:
        if any(word in lower for word in words):
            return ModelMissing(f"{repo} is gated: {why.format(page=page)}")
    how = (
        "with the account you are logged in with" if asked.with_token and status != 401
        else "and log in with `hf auth login`"
    )  # fmt: skip
    return ModelMissing(f"{repo} is gated: accept its terms at {page} {how}, then pull it again")


def _token_rights(asked: HubRequest) -> str:
    """Return what a fine-grained token lacks (huggingface_hub#2844)."""
    return (
        f"{clean(asked.repo)} is gated, and your token has no right to read gated repositories: "
        f"enable that for it at {clean(asked.hub)}/settings/tokens, or make a token of type read"
    )


def _no_revision(asked: HubRequest) -> SightlineError:
    return NoSuchRevision(
        f"{clean(asked.repo)} has no revision '{clean(asked.revision)}'; see "
        f"{clean(f'{asked.hub}/{asked.repo}/commits/main')}, or leave @{clean(asked.revision)} out"
    )


def _not_found(status: int, said: str, asked: HubRequest) -> SightlineError:
    advice = (
        "or your account may not read it: check the name" if asked.with_token
        else "or it is private: check the name, or log in with `hf auth login`"
    )  # fmt: skip
    hub_says = f"; the hub says: {said}" if status == 403 and said else ""
    return ModelMissing(
        f"the hub has no model '{clean(asked.repo)}', {advice} (status {status}{hub_says})"
    )


def stated_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After (a number or a date) or RateLimit asks to wait.

    RateLimit is that of draft-ietf-httpapi-ratelimit-headers-09, `"api";r=0;t=55`: the policy with
    no request left (`r`) starts anew in `t` seconds. A second is added, since `t` is rounded down.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        return float(text)
    if text:
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except ValueError:
            pass
    limits = [_parameters(policy) for policy in headers.get("ratelimit", "").split(",")]
    waits = [limit["t"] for limit in limits if "t" in limit and limit.get("r", 0) == 0]
    return max(waits) + 1.0 if waits else None


def _parameters(policy: str) -> dict[str, int]:
    """Return the whole numbers among the parameters of one policy."""
    pairs = re.findall(r";\s*([a-z]+)\s*=\s*(\d{1,9})", policy)
    return {name: int(value) for name, value in pairs}
