"""Which faults, detected by screening, exclude a frame from which models.

An entry of a `gate` setting is a screening stage ("quality": each of its faults) or one fault of a
stage ("quality.dark"). `models.gate` holds for every stage that shows frames to a model, `gate` in
the table of such a stage for that one alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import ProfileError
from ..text import clean, nearest
from .stages import declaration, declarations

if TYPE_CHECKING:
    from .spec import Spec

ALL_FRAMES = -1.0
"""in `frames_gated`: every frame that is read"""


def gates_of(spec: Spec, stage: str) -> tuple[str, ...]:
    """Return the faults, as `stage.fault`, that keep a frame from the model of a stage."""
    own: tuple[str, ...] | None = getattr(spec.section(stage), "gate", None)
    return tuple(dict.fromkeys(_single(spec.models.gate if own is None else own)))


def is_gate(spec: Spec, screening: str) -> bool:
    """Return whether faults that a screening stage finds keep frames from a model."""
    if not declaration(screening).faults:
        return False
    named = {entry for stage in spec.frame_stages for entry in gates_of(spec, stage)}
    return any(entry.startswith(f"{screening}.") for entry in named)


def frames_gated(spec: Spec, screening: str) -> float:
    """Return how many frames a second a stage must measure so that each shown frame is judged.

    `ALL_FRAMES` where the frames that are read are those that are shown; 0 where the stage keeps
    no frame from any model.
    """
    if not is_gate(spec, screening):
        return 0.0
    return spec.sampling.fps if spec.sampling.mode == "every" else ALL_FRAMES


def check_gates(spec: Spec) -> None:
    """Refuse entries of `gate` that name no fault, or one of a stage that does not run.

    Raises ProfileError.
    """
    _check(spec, "models.gate", spec.models.gate)
    for stage in spec.frame_stages:
        _check(spec, f"{stage}.gate", getattr(spec.section(stage), "gate", None) or ())


def _check(spec: Spec, key: str, entries: tuple[str, ...]) -> None:
    for entry in entries:
        stage = entry.partition(".")[0]
        known = [name for each in declarations() if each.faults for name in _names(each.name)]
        if entry not in known:
            raise ProfileError(
                f"{key}: unknown fault '{clean(entry)}'{nearest(entry, known)}; "
                f"known: {', '.join(known)}"
            )
        if stage not in spec.stages:
            raise ProfileError(f"{key}: '{entry}' needs the stage '{stage}'; add it to the stages")


def _single(entries: tuple[str, ...]) -> Iterator[str]:
    """Yield entries with a stage replaced by each of its faults."""
    for entry in entries:
        yield from (_names(entry)[1:] if "." not in entry else (entry,))


def _names(stage: str) -> tuple[str, ...]:
    return stage, *(f"{stage}.{fault}" for fault in declaration(stage).faults)
