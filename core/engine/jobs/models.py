"""The models a job needs, resolved before it is kept: what is missing is said at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...config.spec import Spec

if TYPE_CHECKING:
    from ...scans.resolve_models import ResolvedModels


def resolved_models(spec: Spec, notify: Callable[[str], None]) -> ResolvedModels:
    """Return the spec with its models pinned, and how they are loaded. Raises ModelMissing."""
    if not spec.model_stages:
        return without_models(spec)
    from ...scans.resolve_models import resolve_models

    return resolve_models(spec, notify)


def without_models(spec: Spec) -> ResolvedModels:
    """Return a spec for which no model is loaded."""
    from ...scans.resolve_models import ResolvedModels

    return ResolvedModels(spec, {})
