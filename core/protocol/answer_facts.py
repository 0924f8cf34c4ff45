"""Facts about the answers of a scan: counted and measured, never judged. JSON both ways."""

from __future__ import annotations

from typing import Literal

State = Literal["answered", "truncated", "unparsed", "failed", "gated"]
"""`truncated` by the limit of tokens; `unparsed` if an answer was not of the form that was asked
for; `gated` if the frame was excluded from the model"""
