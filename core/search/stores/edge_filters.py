"""Filters in the terms of Qdrant Edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .fields import FIELDS
from .protocol import Condition, Filter, Near, OneOf, Range

if TYPE_CHECKING:
    import qdrant_edge


def edge_filter(which: Filter | None) -> qdrant_edge.Filter | None:
    """Return a filter for a shard; None where all points pass."""
    import qdrant_edge as edge

    if not which:
        return None
    must: list[Any] = [_condition(each) for each in which.must]
    if which.ids is not None:
        must.append(edge.HasIdCondition(set(which.ids)))
    return edge.Filter(must=must, must_not=[_condition(each) for each in which.must_not])


def _condition(condition: Condition) -> Any:
    import qdrant_edge as edge

    if isinstance(condition, Near):
        centre = edge.GeoPoint(condition.longitude, condition.latitude)
        radius = edge.GeoRadius(centre, condition.kilometres * 1000)
        return edge.FieldCondition(condition.field, geo_radius=radius)
    if isinstance(condition, Range):
        bounds = edge.RangeFloat(
            gte=condition.gte, lte=condition.lte, gt=condition.gt, lt=condition.lt
        )
        return edge.FieldCondition(condition.field, range=bounds)
    return _one_of(condition)


def _one_of(condition: OneOf) -> Any:
    import qdrant_edge as edge

    values: Any = list(condition.values)
    if FIELDS[condition.field] != "number":
        return edge.FieldCondition(condition.field, match=edge.MatchAny(values))
    equal: Any = [  # indexed as floats: equal is a range of one
        edge.FieldCondition(condition.field, range=edge.RangeFloat(gte=float(v), lte=float(v)))
        for v in values
    ]
    return edge.Filter(should=equal)
