"""Layout 5: scores of flashes lie between 0 and 1; what they were before is kept as `energy`.

Up to layout 4 the score of a flash was its energy times the likeness of six ratios, and its
threshold the energy needed at the scan's sensitivity. The formula here is that of the flash stage
when layout 5 was introduced and never changes with it: strength^k / (1 + strength^k).
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from typing import Any

_SLOPE = 1.25
_RULED_OUT = 0.04
_FLOORS = {
    "simultaneity": 0.60, "gain": 0.60, "brevity": 0.75, "attack": 0.78, "return": 0.35,
    "continuity": 0.40,
}  # fmt: skip
_CEILINGS = {
    "simultaneity": 0.85, "gain": 0.90, "brevity": 0.95, "attack": 0.95, "return": 0.65,
    "continuity": 0.70,
}  # fmt: skip


def migrate(connection: sqlite3.Connection) -> None:
    """Rewrite the flash candidates and events of a library, inside the caller's transaction."""
    least = dict(_least_strengths(connection))
    rows = connection.execute(
        "SELECT content, spec_hash, number, body FROM candidates "
        "WHERE json_extract(body, '$.stage') = 'flash'"
    ).fetchall()
    scores: dict[tuple[str, str, float], float] = {}
    for content, spec_hash, number, text in rows:
        body = json.loads(text)
        former = float(body["score"])
        body = _rescored(body, least.get(spec_hash, 1.0))
        scores[content, spec_hash, former] = body["score"]
        connection.execute(
            "UPDATE candidates SET body = ? WHERE content = ? AND spec_hash = ? AND number = ?",
            (json.dumps(body), content, spec_hash, number),
        )
    _rescore_events(connection, scores)


def _rescore_events(
    connection: sqlite3.Connection, scores: dict[tuple[str, str, float], float]
) -> None:
    rows = connection.execute(
        "SELECT content, spec_hash, number, body FROM moments WHERE kind = 'flash'"
    ).fetchall()
    for content, spec_hash, number, text in rows:
        body = json.loads(text)
        former = float(body["score"])
        # An event has the score of its best candidate.
        body["score"] = scores.get((content, spec_hash, former), _score(former / 60.0))
        body["energy"] = former
        connection.execute(
            "UPDATE moments SET score = ?, body = ? "
            "WHERE content = ? AND spec_hash = ? AND number = ?",
            (body["score"], json.dumps(body), content, spec_hash, number),
        )


def _least_strengths(connection: sqlite3.Connection) -> Iterator[tuple[str, float]]:
    """Yield each spec with the strength its sensitivity demands: 1 in the middle of the dial."""
    for spec_hash, text in connection.execute("SELECT DISTINCT spec_hash, spec FROM scans"):
        sensitivity = json.loads(text).get("flash", {}).get("sensitivity", 0.5)
        yield spec_hash, 10 ** (1 - 2 * float(sensitivity))


def _rescored(body: dict[str, Any], least: float) -> dict[str, Any]:
    former, needed = float(body["score"]), float(body["threshold"]) / least
    facts = body.get("facts", {})
    energy = float(facts.get("energy", former)) / needed
    stretched = [
        (facts[name] - floor) / (_CEILINGS[name] - floor)
        for name, floor in _FLOORS.items()
        if name in facts
    ]
    lowest = min(stretched, default=0.0)
    ruled_out = _RULED_OUT * math.exp(min(lowest, 0.0)) * energy / (1 + energy)
    return {
        **body,
        "score": round(max(_score(former / needed), ruled_out), 4),
        "threshold": round(_score(least), 4),
        "energy": former,
    }


def _score(strength: float) -> float:
    return 0.0 if strength <= 0 else 1 / (1 + strength**-_SLOPE)
