"""What is written about the keys: docs/keys.md, and a schema for the settings file.

`python -m tui.keys.docs` writes the page, `--check` says whether it is up to date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .actions import ACTIONS, EVERYWHERE, PRESETS, SCREENS, actions_here

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"
HEAD = """\
<!-- Written by `make docs` from the program itself; do not edit. -->

# Keys

`?` lists the actions that are available on the current screen; `:` finds any command by name. To
change a key, name its action in `settings.toml` in the configuration folder. `preset` selects the
key map to start from (`default`, `vim`, `arrows`). Unknown names, conflicts, and keys that
terminals intercept are rejected with the reason. The JSON schema of the table is in
[keys.schema.json](keys.schema.json).

```toml
[keys]
preset = "vim"
"queue.retry" = "R"
"app.detach" = ["d", "f5"]
"copy.menu" = ""              # no key; still available in the palette
```

"""


def pages() -> dict[Path, str]:
    """Return what is written, by file."""
    schema = json.dumps(keymap_schema(), indent=2) + "\n"
    return {PAGE: page(), PAGE.with_name("keys.schema.json"): schema}


def page() -> str:
    """Return docs/keys.md."""
    return HEAD + keys_table_markdown().rstrip() + "\n"


def main() -> None:
    """Write or check both files; exit 1 if a check finds one out of date."""
    for path, text in pages().items():
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"out of date: {path}; run: make docs")


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
