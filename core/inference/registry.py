"""Every look there is: the name in a profile, and where its class lives. Imported on first use."""

from __future__ import annotations

from importlib import import_module

from ..config.spec import Spec
from .leases import ModelLeases
from .stage import ModelStage

MODEL_STAGES: dict[str, tuple[str, str]] = {
    "tag": (".tag", "TagStage"),
    "detect": (".detect", "DetectStage"),
    "segment": (".segment", "SegmentStage"),
    "embed": (".embed", "EmbedStage"),
    "caption": (".caption", "CaptionStage"),
    "describe": (".describe", "DescribeStage"),
}
"""`verify` is no look at frames but at candidates: see `verify.py`"""


def open_stages(leases: ModelLeases, spec: Spec) -> list[ModelStage]:
    """Return the looks of a spec, opened, in the order in which they build on each other."""
    model_stages = []
    for name in _order(leases, spec):
        module, attribute = MODEL_STAGES[name]
        stage: ModelStage = getattr(import_module(module, __package__), attribute)()
        stage.open(leases, spec)
        model_stages.append(stage)
    return model_stages


def _order(leases: ModelLeases, spec: Spec) -> list[str]:
    names = [name for name in spec.model_stages if name in MODEL_STAGES]
    shared = {"tag", "embed"} <= set(names) and leases.same_model("tag", "embed")
    if shared and "detect" not in names:
        # Tags are then made of the frames' vectors, and nothing is embedded twice.
        names.remove("tag")
        names.insert(names.index("embed") + 1, "tag")
    return names
