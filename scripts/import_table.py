"""Writes the table of imports in docs/architecture.md from the imports themselves.

`python scripts/import_table.py` writes it, `--check` exits with 1 if it is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

PAGE = Path(__file__).parent.parent / "docs" / "architecture.md"
BEGIN, END = "<!-- imports: written by `make docs` -->\n", "<!-- end of imports -->\n"


def main() -> None:
    """Write or check the table."""
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{PAGE} lacks the lines between which the table stands")
    made = f"{before}{BEGIN}{''.join(table())}{END}{after}"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
    elif made != text:
        sys.exit(f"out of date: {PAGE}; run: make docs")


def table() -> Iterator[str]:
    """Yield the lines of the table: modules of the front ends, those imported most first.

    Fan-in counts the modules of `core` and `tui` that import a module directly, fan-out those it
    imports, also inside functions; imports for type checkers only do not count.
    """
    graph = grimp.build_graph("core", "tui", exclude_type_checking_imports=True, cache_dir=None)
    fronts = [name for name in graph.modules if name.startswith(("tui.", "core.cli."))]
    rows = [
        (name, len(graph.find_modules_that_directly_import(name)),
         len(graph.find_modules_directly_imported_by(name)))
        for name in fronts
    ]  # fmt: skip
    yield "| module | fan-in | fan-out |\n|---|---:|---:|\n"
    for name, fan_in, fan_out in sorted(rows, key=lambda row: (-row[1], -row[2], row[0])):
        if fan_in or fan_out:
            yield f"| `{name}` | {fan_in} | {fan_out} |\n"


if __name__ == "__main__":
    main()
