"""Which list of words a scan's tags are chosen from, written into its spec."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .resolve_models import ResolvedModels


def with_tag_list(resolved: ResolvedModels) -> ResolvedModels:
    """Write the list that ships into the spec of a new scan whose tags an embedder chooses.

    A later version's list is then another question, and a scan that is resumed keeps its own.
    """
    if not resolved.loadings:  # what is imported here imports numpy
        return resolved
    from ..inference.tag import Tag, TagStage
    from ..inference.vocabulary import built_in
    from ..models.registry import KINDS

    loading = resolved.loadings.get(TagStage.name)
    if loading is None or KINDS[loading.family] != "embedder":
        return resolved
    tag = resolved.spec.settings(Tag)
    filled = tag.model_copy(update={"vocabulary": tag.vocabulary or built_in()})
    return replace(resolved, spec=resolved.spec.model_copy(update={TagStage.name: filled}))
