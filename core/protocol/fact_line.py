"""The facts about an answer in one line, for every front; what they mean: models/facts.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..text import clean, counted

WORTH_SAYING = 0.1
"""share of repetition or echo from which on it is said"""


def fact_line(facts: Mapping[str, Any]) -> str:
    """Return what was measured and what is odd about an answer; empty where nothing is known."""
    return ", ".join([*_measured(facts), *_odd(facts)])


def _measured(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts.get("tokens_out") is not None:
        read = f"{facts['tokens_in']} + " if facts.get("tokens_in") is not None else ""
        yield f"{read}{counted(facts['tokens_out'], 'token')}"
    if facts.get("seconds"):
        yield f"{facts['seconds']:.2g} s"
    if facts.get("tokens_per_second") is not None:
        yield f"{facts['tokens_per_second']:.3g} tokens/s"
    if facts.get("first_token_seconds") is not None:
        yield f"first after {facts['first_token_seconds']:.2g} s"
    if facts.get("batch", 1) > 1:
        yield f"{facts['batch']} at once"
    if facts.get("peak_bytes"):
        yield f"peak {facts['peak_bytes'] / 2**20:.0f} MiB"


def _odd(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, words in (("repetition", "repeats itself"), ("echo", "echoes the prompt")):
        if (facts.get(name) or 0) >= WORTH_SAYING:
            yield f"{words} {100 * facts[name]:.0f} %"
    for name, words in (("looping", "loops"), ("refusal", "declines"), ("empty", "says nothing")):
        if facts.get(name):
            yield words
    if facts.get("control_tokens"):
        yield f"leaks {clean(' '.join(facts['control_tokens']))}"
    if facts.get("thought_letters") or facts.get("removed"):
        letters = facts.get("thought_letters") or 0
        yield (
            f"without {counted(letters, 'character')} of reasoning"
            if letters
            else (f"without {clean(' '.join(facts['removed']), limit=80)}")
        )
    if facts.get("reduced"):
        yield f"picture reduced to {clean(str(facts['reduced']), limit=40)}"
    if facts.get("missing_fields"):
        yield f"lacks {clean(', '.join(facts['missing_fields']))}"
