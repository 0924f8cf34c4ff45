"""Runs pylint's `duplicate-code` on the files that can have clones at all.

pylint compares every file with every other, which takes minutes. A clone of twelve lines holds
seven stretches of six, so files that share no six lines with another are left out first.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
STRETCH = 6


def main() -> None:
    """Exit with pylint's code; 0 where no two files share six lines."""
    found = [path for folder in ("core", "tui") for path in sorted((ROOT / folder).rglob("*.py"))]
    names = candidates(found)
    if names:
        command = ["pylint", "--disable=all", "--enable=duplicate-code", *names]
        sys.exit(subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode)


def candidates(paths: list[Path]) -> list[str]:
    """Return the files that share a stretch of lines with another place, by path."""
    places: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    for path in paths:
        lines = stripped(path.read_text(encoding="utf-8"))
        for start in range(len(lines) - STRETCH + 1):
            places[tuple(lines[start : start + STRETCH])].append(path)
    shared = {path for found in places.values() if len(set(found)) > 1 for path in found}
    return sorted(str(path.relative_to(ROOT)) for path in shared)


def stripped(text: str) -> list[str]:
    """Return the lines that count: none of imports, signatures, docstrings, comments, or empty."""
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            left_out.update(range(node.lineno, node.body[0].lineno))
        elif isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [
        line for number, line in lines
        if line and not line.startswith("#") and number not in left_out
    ]  # fmt: skip


if __name__ == "__main__":
    main()
