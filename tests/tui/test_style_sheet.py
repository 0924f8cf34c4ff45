"""Every selector of the app's style sheets names a class, an id or a state that exists.

Textual says nothing of a selector that matches no widget: a renamed screen only loses its layout.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

from textual.css.model import SelectorType
from textual.css.parse import parse
from textual.dom import DOMNode

import tui

ROOT = Path(tui.__file__).parent


def classes_below(parent: type[DOMNode]) -> set[type[DOMNode]]:
    below = {parent}
    for child in parent.__subclasses__():
        below |= classes_below(child)
    return below


def sheets() -> list[str]:
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)
    own = [each for each in classes_below(DOMNode) if each.__module__.startswith("tui.")]
    inline = [str(vars(each).get(name, "")) for each in own for name in ("CSS", "DEFAULT_CSS")]
    return [*(path.read_text("utf-8") for path in ROOT.rglob("*.tcss")), *inline]


def test_every_selector_names_something_that_exists() -> None:
    texts = [text for text in sheets() if text]
    types = {each.__name__ for each in classes_below(DOMNode)}
    source = " ".join(path.read_text("utf-8") for path in ROOT.rglob("*.py"))
    words = set(re.findall(r"[\w-]+", re.sub(r"\"\"\".*?\"\"\"", "", source, flags=re.DOTALL)))
    known = {SelectorType.TYPE: types, SelectorType.CLASS: words, SelectorType.ID: words}
    checked: set[str] = set()
    unknown = []
    for text in texts:
        for rule in parse("", re.sub(r"\$[\w-]+", "red", text), ("", "")):
            for selector in (one for each in rule.selector_set for one in each.selectors):
                checked.add(selector.name)
                if selector.name not in known.get(selector.type, {selector.name}):
                    unknown.append(selector.name)
    assert {"AppScreen", "VirtualTable", "side", "detail", "-wide"} <= checked
    assert unknown == []
