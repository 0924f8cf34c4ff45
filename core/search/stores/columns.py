"""Payloads as columns, so that a filter over many points is a few array operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fields import check_filter
from .protocol import Condition, Filter, Near, OneOf, Payload, Range

EARTH_KILOMETRES = 6371.0088
"""mean radius R1 (IUGG; Moritz, Geodetic Reference System 1980)"""
Mask = NDArray[np.bool_]


class Columns:
    """Columns of payloads, each made when a filter first asks for it."""

    def __init__(self, payloads: Sequence[Payload]) -> None:
        self._payloads = payloads
        self._values: dict[str, dict[Any, list[int]]] = {}
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._places: dict[str, NDArray[np.float64]] = {}

    def mask(self, which: Filter) -> Mask:
        """Return bool (points,): which points fulfil the conditions; `ids` is not looked at.

        Raises UsageError for an unknown field.
        """
        check_filter(which)
        passing = np.ones(len(self._payloads), bool)
        for condition in which.must:
            passing &= self._holds(condition)
        for condition in which.must_not:
            passing &= ~self._holds(condition)
        return passing

    def _holds(self, condition: Condition) -> Mask:
        if isinstance(condition, OneOf):
            return self._one_of(condition)
        if isinstance(condition, Range):
            return _within(self._column(condition.field), condition)
        return _near(self._place_column(condition.field), condition)

    def _one_of(self, condition: OneOf) -> Mask:
        rows_by_value = self._rows_by_value(condition.field)
        found = np.zeros(len(self._payloads), bool)
        for value in condition.values:
            found[rows_by_value.get(value, [])] = True
        return found

    def _rows_by_value(self, name: str) -> dict[Any, list[int]]:
        if name not in self._values:
            rows: dict[Any, list[int]] = {}
            for row, payload in enumerate(self._payloads):
                value = payload.get(name)
                for each in value if isinstance(value, (list, tuple)) else [value]:
                    rows.setdefault(each, []).append(row)
            self._values[name] = rows
        return self._values[name]

    def _column(self, name: str) -> NDArray[np.float64]:
        if name not in self._numbers:
            values = [each.get(name) for each in self._payloads]
            self._numbers[name] = np.array([np.nan if v is None else v for v in values], float)
        return self._numbers[name]

    def _place_column(self, name: str) -> NDArray[np.float64]:
        """Return float64 (points, 2), latitude and longitude in degrees; NaN without."""
        if name not in self._places:
            places = [each.get(name) or {} for each in self._payloads]
            pairs = [(each.get("lat", np.nan), each.get("lon", np.nan)) for each in places]
            self._places[name] = np.array(pairs, float).reshape(-1, 2)
        return self._places[name]


def _within(values: NDArray[np.float64], bounds: Range) -> Mask:
    found = ~np.isnan(values)
    for bound, compare in (
        (bounds.gte, np.greater_equal),
        (bounds.lte, np.less_equal),
        (bounds.gt, np.greater),
        (bounds.lt, np.less),
    ):
        if bound is not None:
            found &= compare(values, bound)
    return found


def _near(places: NDArray[np.float64], near: Near) -> Mask:
    """Return which places are near enough, by the haversine formula."""
    latitudes, longitudes = np.radians(places).T
    latitude, longitude = np.radians((near.latitude, near.longitude))
    half = (
        np.sin((latitudes - latitude) / 2) ** 2
        + np.cos(latitude) * np.cos(latitudes) * np.sin((longitudes - longitude) / 2) ** 2
    )
    kilometres = 2 * EARTH_KILOMETRES * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return np.asarray(kilometres <= near.kilometres, bool)
