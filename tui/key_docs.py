"""What is written about the keys: docs/keys.md, and a schema for the settings file.

`python -m tui.key_docs` writes the page, `--check` says whether it is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .actions import ACTIONS, EVERYWHERE, PRESETS, SCREENS, actions_here

PAGE = Path(__file__).parent.parent / "docs" / "keys.md"
HEAD = """\
<!-- Written by `make docs` from the program itself; do not edit. -->

# Keys

`?` lists what can be done where you are, now, and does it; `:` finds any command by name. Any key
can be changed in `settings.toml` in the configuration folder, by the action's name; `preset` is
where to start from (`default`, `vim`, `arrows`). Unknown names, clashes, and keys that terminals
fold or steal are refused with the reason.

```toml
[keys]
preset = "vim"
"queue.retry" = "R"
"app.detach" = ["d", "f5"]
"copy.menu" = ""              # no key; the palette still knows it
```

"""


def page() -> str:
    """Return docs/keys.md."""
    return HEAD + keys_table_markdown().rstrip() + "\n"


def main() -> None:
    """Write or check the page; exit 1 if a check finds it out of date."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"out of date: {PAGE}; run: make docs")


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


if __name__ == "__main__":
    main()
