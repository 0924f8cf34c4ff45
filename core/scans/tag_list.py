"""Which list of words a scan's tags are chosen from, written into its spec."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .resolve_models import ResolvedModels

STAGE = "tag"


def with_tag_list(resolved: ResolvedModels) -> ResolvedModels:
    """Write the list that ships into the spec of a new scan whose tags an embedder chooses.

    A later version's list is then another question, and a scan that is resumed keeps its own.
    """
    from ..models.registry import KINDS

    loading = resolved.loadings.get(STAGE)
    if loading is None or KINDS[loading.family] != "embedder":
        return resolved
    from ..inference.tag import Tag
    from ..inference.vocabulary import built_in

    tag = resolved.spec.settings(Tag)
    filled = tag.model_copy(update={"vocabulary": tag.vocabulary or built_in()})
    return replace(resolved, spec=resolved.spec.model_copy(update={STAGE: filled}))
