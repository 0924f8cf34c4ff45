"""The base of every table of settings in a profile."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

MEASURE: dict[str, Any] = {"affects": "measure"}
"""Marks a setting that changes what is measured: changing it reads the source again."""


class Section(BaseModel):
    """A table of settings; unknown keys are refused, values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
