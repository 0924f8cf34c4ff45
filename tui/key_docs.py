"""What is written about the keys: a table for the docs, a schema for the settings file."""

from __future__ import annotations

from typing import Any

from .actions import ACTIONS, EVERYWHERE, PRESETS, SCREENS, actions_here


def keymap_schema() -> dict[str, Any]:
    """Return the JSON schema of the `[keys]` table of the settings file."""
    key = {"type": "string", "minLength": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "keys",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "preset": {"enum": list(PRESETS), "default": "default"},
            **{
                action.id: {
                    "description": action.title,
                    "anyOf": [{"type": "string"}, {"type": "array", "items": key}],
                    "default": list(action.keys),
                }
                for action in ACTIONS
            },
        },
    }


def keys_table_markdown() -> str:
    """Return the tables of all actions, for the docs."""
    sections = [_section("Everywhere", EVERYWHERE)]
    sections += [
        _section(f"{number} {title}", name)
        for number, (name, title) in enumerate(SCREENS.items(), 1)
        if any(name in action.scopes for action in ACTIONS)
    ]
    return "\n".join(sections)


def _section(title: str, scope: str) -> str:
    lines = [f"## {title}", "", "| key | what it does | name in the settings |", "|---|---|---|"]
    for action in actions_here(scope):
        if scope in action.scopes:
            keys = " ".join(f"`{key}`" for key in action.keys) or "(palette)"
            lines.append(f"| {keys} | {action.title} | `{action.id}` |")
    return "\n".join([*lines, ""])
