"""Every look there is: the name in a profile, and where its class lives. Imported on first use."""

from __future__ import annotations

from importlib import import_module

from ..config.spec import Spec
from .leases import Lending
from .stage import Look

LOOKS: dict[str, tuple[str, str]] = {
    "tag": (".tag", "TagLook"),
    "detect": (".detect", "DetectLook"),
    "segment": (".segment", "SegmentLook"),
    "embed": (".embed", "EmbedLook"),
    "caption": (".caption", "CaptionLook"),
    "describe": (".describe", "DescribeLook"),
}
"""`verify` is no look at frames but at candidates: see `verify.py`"""


def open_looks(lending: Lending, spec: Spec) -> list[Look]:
    """Return the looks of a spec, opened, in the order in which they build on each other."""
    looks = []
    for name in _order(lending, spec):
        module, attribute = LOOKS[name]
        look: Look = getattr(import_module(module, __package__), attribute)()
        look.open(lending, spec)
        looks.append(look)
    return looks


def _order(lending: Lending, spec: Spec) -> list[str]:
    names = [name for name in spec.looks if name in LOOKS]
    shared = {"tag", "embed"} <= set(names) and lending.same_model("tag", "embed")
    if shared and "detect" not in names:
        # Tags are then made of the frames' vectors, and nothing is embedded twice.
        names.remove("tag")
        names.insert(names.index("embed") + 1, "tag")
    return names
