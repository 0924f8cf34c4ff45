"""Which model stages of a scan run together: all of them, unless their models do not fit at once.

Then the sources are gone through several times, each time with the models of a few stages; answers
of earlier passes are kept, so nothing is asked twice. Models are exchanged once per pass, not once
per microbatch.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..text import counted
from .leases import ModelLeases


def passes(stages: Sequence[str], leases: ModelLeases) -> list[list[str]]:
    """Return the stages in as few groups as fit into memory, in the order given.

    A stage whose model alone does not fit has a pass of its own: loading it says what is wrong.
    """
    groups: list[list[str]] = []
    for stage in stages:
        if groups and leases.fit([*groups[-1], stage]):
            groups[-1].append(stage)
        else:
            groups.append([stage])
    return groups


def in_words(groups: Sequence[Sequence[str]]) -> str:
    """Say what goes together and why not all does."""
    listed = ", then ".join(" and ".join(group) for group in groups)
    return (
        f"the models of this scan do not fit into memory together: the sources are read "
        f"{counted(len(groups), 'time')}, for {listed}"
    )
