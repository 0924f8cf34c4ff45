"""What the hub answers, and commits that it no longer has: each with its own text and way out.

Public reports and pages that give the hub's words:

- huggingface/transformers#28894: the messages of a gated model; huggingface_hub#2960 and
  meta-llama/llama3#159: a rejected request; huggingface_hub#2844: a fine-grained token
- huggingface_hub#3553: `RateLimit` headers of 429; huggingface_hub#3312, #3342: what 429 breaks
- huggingface_hub#1965: a disabled repository
- huggingface_hub#4487, #1913: a cached model while the hub does not answer
- huggingface_hub#3406, nvidia-cosmos/cosmos-transfer2.5#220: a commit gone after a forced push
- encode/httpx#3400, artokun/comfyui-mcp#1702: a token with a letter that no header can hold
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.errors import DownloadFailed, EnvironmentFault, ModelMissing
from core.hub.faults import stated_wait
from core.hub.hub import Hub
from core.hub.waiting import WaitNotice
from tests.hub.conftest import QUICK, model_files
from tests.hub.local_hub import LocalHub
from tests.hub.test_layouts import POINTER
from tests.hub.test_pulling import REPO, blobs, pulled

GATED: dict[str, tuple[int, str, bool, str]] = {
    # reason: (status, the hub's words, whether logged in, what is said)
    "not logged in": (
        401, "Access to model org/tiny is restricted. You must have access to it and be "
        "authenticated to access it. Please log in.", False,
        r"org/tiny is gated: accept its terms at HUB/org/tiny and log in with `hf auth login`",
    ),
    "access not requested": (
        403, "Access to model org/tiny is restricted and you are not in the authorized list. "
        "Visit https://huggingface.co/org/tiny to ask for access.", True,
        r"is gated: accept its terms at HUB/org/tiny with the account you are logged in with",
    ),
    "awaiting review": (
        403, "Your request to access model org/tiny is awaiting a review from the repo authors.",
        True, r"is gated: your request for access is awaiting review by its authors; HUB/org/tiny",
    ),
    "rejected": (
        403, "Your request to access model org/tiny has been rejected by the repo's authors.",
        True, r"is gated: its authors rejected your request for access; ask them at HUB/org/tiny",
    ),
    "token without the right": (
        403, "Please enable access to public gated repositories in your fine-grained token "
        "settings to view this repository.", True,
        r"is gated, and your token has no right to read gated repositories: .*/settings/tokens",
    ),
    "no words": (403, "", True, r"is gated: accept its terms at HUB/org/tiny with the account"),
}  # fmt: skip


def logged_in(monkeypatch: pytest.MonkeyPatch, token: str = "hf_secret") -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN", token)


def test_each_reason_of_a_gated_model_has_its_own_text(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_hub.add(REPO, model_files())
    local_hub.faults.gated = True
    texts = {}
    for reason, (status, words, with_token, expected) in GATED.items():
        local_hub.faults.gate = (status, words)
        with monkeypatch.context() as environment:
            if with_token:
                logged_in(environment)
            with pytest.raises(ModelMissing) as raised:
                pulled(hub)
        texts[reason] = str(raised.value)
        assert re.search(expected.replace("HUB", local_hub.url), texts[reason]), reason
        assert "hf_secret" not in texts[reason]
    assert len(set(texts.values())) == len(GATED) - 1  # without words it is as not requested


OTHER: dict[str, tuple[int, str, str]] = {
    "disabled": (
        403, "Access to this resource is disabled.",
        r"org/tiny was disabled by the hub, so nobody can download it \(Access to this",
    ),
    "unknown token": (401, "Invalid credentials in Authorization header", r"does not know your"),
    "expired token": (401, "User Access Token 'a' is expired", r"token for the hub has expired"),
    "words of its own": (
        403, "Storage limit \x1b[31mreached", r"the hub says: Storage limit .\[31mreached",
    ),
    "a status of its own": (402, "Payment required", r"the hub answers 402 \(Payment required\)"),
}  # fmt: skip


def test_other_refusals_say_what_the_hub_says(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files())
    for reason, (status, words, expected) in OTHER.items():
        local_hub.faults.refusal = (status, words)
        with pytest.raises((ModelMissing, DownloadFailed), match=expected) as raised:
            hub.resolve(REPO)
        assert "\x1b" not in str(raised.value), reason


def test_a_mirror_that_sends_something_else_is_named(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files())
    for body, expected in ((POINTER, "a Git LFS pointer"), (b"", "0 bytes"), (b"<p>", "3 bytes")):
        local_hub.faults.instead = body
        with pytest.raises(
            DownloadFailed, match=f"sends {expected} instead of 'model.safetensors'"
        ):
            pulled(hub)
        assert not list(blobs(hub).glob("?" * 64 + "*"))
    local_hub.faults.instead = None
    assert pulled(hub).folder is not None


WAITS: dict[str, tuple[dict[str, str], float | None]] = {
    "seconds": ({"retry-after": "7"}, 7.0),
    "nothing": ({}, None),
    "a fraction": ({"retry-after": "1.5"}, 1.5),
    "a date that is over": ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    "of the hub": ({"ratelimit": '"api";r=0;t=55'}, 56.0),
    "in another order": ({"ratelimit": '"api";t=55;r=0'}, 56.0),
    "of two policies": ({"ratelimit": '"api";r=12;t=200, "resolvers";r=0;t=9'}, 10.0),
    "Retry-After first": ({"retry-after": "3", "ratelimit": '"api";r=0;t=55'}, 3.0),
    "unreadable": ({"retry-after": "soon", "ratelimit": '"api";r=0;t=4'}, 5.0),
    "requests left": ({"ratelimit": '"api";r=489;t=189'}, None),
}


def test_how_long_a_busy_hub_asks_to_wait() -> None:
    assert {name: stated_wait(headers) for name, (headers, _) in WAITS.items()} == {
        name: seconds for name, (_, seconds) in WAITS.items()
    }


def test_a_wait_is_announced_once_and_kept(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("core.hub.wire.sleep", lambda _control, seconds: slept.append(seconds))
    lines: list[str] = []
    local_hub.add(REPO, model_files())
    local_hub.faults.too_many, local_hub.faults.rate_limit = 1, '"api";r=0;t=290'
    pulled(Hub(patience=QUICK, notify=lines.append))
    assert slept == [291.0]
    assert lines == [f"{REPO}: the hub's rate limit is reached; waiting 291 s as it asks"]
    local_hub.faults.too_many, local_hub.faults.rate_limit = 1, '"api";r=0;t=400'
    with pytest.raises(DownloadFailed, match="asks to wait 401 s"):
        Hub(patience=QUICK).resolve("org/other")


def test_four_workers_announce_one_wait() -> None:
    lines: list[str] = []
    notice = WaitNotice(lines.append)
    for _ in range(4):
        notice.say(REPO, "busy", 30.0)
    notice.say(REPO, "busy", 90.0)
    notice.say("org/other", "busy", 0.2)
    assert [line.partition("waiting ")[2] for line in lines] == [
        "30 s as it asks",
        "90 s as it asks",
    ]


@pytest.mark.parametrize("down", ["503", "unreachable"])
def test_a_whole_model_needs_no_hub_that_answers(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch, down: str
) -> None:
    lines: list[str] = []
    hub = Hub(patience=QUICK, notify=lines.append)
    commit = local_hub.add(REPO, model_files())
    folder = pulled(hub, f"{REPO}@main").folder
    assert not hub.pins.all()
    local_hub.faults.down = down == "503"
    if down == "unreachable":
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("core.hub.wire.sleep", lambda _control, _seconds: None)
    for text, channel in ((REPO, "stable"), (REPO, "edge"), (f"{REPO}@main", "stable"),
                          (commit, "")):  # fmt: skip
        named = f"{REPO}@{commit}" if not channel else text
        found = hub.resolve(named, channel or "stable")  # type: ignore[arg-type]
        assert found.folder == folder
        assert hub.plan_or_keep(found) is None
    assert all("is complete on this disk" in line for line in lines)
    refs = hub.cache / "models--org--tiny" / "refs"
    shutil.rmtree(refs)  # as of a cache that was copied without them
    assert hub.resolve(REPO).folder == folder
    with pytest.raises(DownloadFailed):
        hub.resolve("org/other")


def squashed(local_hub: LocalHub, hub: Hub) -> tuple[str, str]:
    """Pin a commit, lose its files and let the hub forget it; return it and the new one."""
    dead = local_hub.add(REPO, model_files(1))
    pulled(hub)
    hub.remove(REPO)
    new = local_hub.add(REPO, model_files(2))
    local_hub.squash(REPO, dead)
    assert hub.pins.all()[REPO].commit == dead
    return dead, new


def test_a_dead_pin_is_explained_with_the_ways_out(local_hub: LocalHub, hub: Hub) -> None:
    dead, _ = squashed(local_hub, hub)
    with pytest.raises(ModelMissing) as raised:
        pulled(hub)
    text = str(raised.value)
    assert f"org/tiny is pinned to {dead}, which its repository no longer has" in text
    for way in ("unpin org/tiny", "pull org/tiny --channel edge", "pull org/tiny@COMMIT"):
        assert f"`sightline models {way}`" in text


WAYS: dict[str, tuple[bool, str, dict[str, Any]]] = {
    "unpin": (True, REPO, {}),
    "edge": (False, REPO, {"channel": "edge"}),
    "a commit": (False, f"{REPO}@NEW", {}),
    "a branch": (False, f"{REPO}@main", {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_out_of_a_dead_pin_works(local_hub: LocalHub, hub: Hub, way: str) -> None:
    dead, new = squashed(local_hub, hub)
    unpin, text, how = WAYS[way]
    if unpin:
        assert hub.unpin(REPO).commit == dead
    found = pulled(hub, text.replace("NEW", new), **how)
    assert found.revision == new
    asked = len(local_hub.requests)
    assert Hub(offline=True).resolve(REPO).folder == found.folder
    assert hub.pins.all()[REPO].commit == new
    assert len(local_hub.requests) == asked
    assert pulled(hub).revision == new


def test_a_live_pin_is_not_replaced(local_hub: LocalHub, hub: Hub) -> None:
    first = local_hub.add(REPO, model_files(1))
    pulled(hub)
    local_hub.add(REPO, model_files(2))
    pulled(hub, channel="edge")
    assert hub.pins.all()[REPO].commit == first
    hub.remove(f"{REPO}@{first}")
    second = local_hub.add(REPO, model_files(3))
    pulled(hub, f"{REPO}@{second}")
    assert hub.pins.all()[REPO].commit == first  # the hub still has it
    local_hub.squash(REPO, first)
    lines: list[str] = []
    pulled(Hub(patience=QUICK, notify=lines.append), f"{REPO}@{second}")
    assert hub.pins.all()[REPO].commit == second
    assert lines == [f"org/tiny was pinned to {first}, which its repository no longer has; "
                     f"it is now pinned to {second}"]  # fmt: skip


def test_a_whole_model_at_a_dead_commit_stays_in_use(local_hub: LocalHub) -> None:
    lines: list[str] = []
    hub = Hub(patience=QUICK, notify=lines.append)
    dead = local_hub.add(REPO, model_files(1))
    folder = pulled(hub).folder
    local_hub.add(REPO, model_files(2))
    local_hub.squash(REPO, dead)
    found = hub.resolve(REPO)
    assert found.folder == folder
    assert hub.plan_or_keep(found) is None
    assert "no longer has" in lines[0]
    assert "is complete on this disk" in lines[0]


def test_a_hub_that_names_a_commit_it_does_not_have(local_hub: LocalHub, hub: Hub) -> None:
    gone = local_hub.add(REPO, model_files())
    local_hub.repositories[REPO].stale = True
    local_hub.squash(REPO, gone)
    with pytest.raises(ModelMissing, match=rf"names {gone} as the newest .* has no files at it"):
        pulled(hub)


TOKENS = {
    "hf_ab\N{LATIN SMALL LETTER E WITH ACUTE}c": "a letter that is not ASCII (character 6)",
    "hf_ab\N{ZERO WIDTH SPACE}c": "a space, line break or control character (character 6)",
    "hf ab": "a space, line break or control character (character 3)",
    "\N{LEFT DOUBLE QUOTATION MARK}hf_abc": "a letter that is not ASCII (character 1)",
}


def test_a_token_that_no_header_can_hold_is_named(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_hub.add(REPO, model_files())
    for token, expected in TOKENS.items():
        logged_in(monkeypatch, token)
        with pytest.raises(EnvironmentFault, match=re.escape(f"HF_TOKEN holds {expected}")) as told:
            hub.resolve(REPO)
        assert "ab" not in str(told.value).replace("able", "")
    logged_in(monkeypatch, "hf_secret\r\n")
    hub.resolve(REPO)
    assert local_hub.requests[-1].authorization == "Bearer hf_secret"


@pytest.mark.parametrize("revision", ["dead", "gone-branch"])
def test_a_dead_revision_of_models_toml_is_explained(
    local_hub: LocalHub, hub: Hub, tmp_path: Path, revision: str
) -> None:
    dead, _ = squashed(local_hub, hub)
    hub.unpin(REPO)
    named = dead if revision == "dead" else revision
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "models.toml").write_text(f'[revisions]\n"{REPO}" = "{named}"\n')
    with pytest.raises(ModelMissing, match=f"models.toml names {named} for {REPO}, which its repo"):
        pulled(Hub(patience=QUICK))
