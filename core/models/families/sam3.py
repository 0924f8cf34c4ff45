"""SAM 3's tracker, the half that turns a box into the mask of the thing in it.

The other half takes a box as an example and finds everything like it, which is another question.
Both lie in one checkpoint; its `sam3_video` form loads here as the tracker alone.
"""

from __future__ import annotations

from .sam2 import Sam2


class Sam3(Sam2):
    """Boxes into masks, by SAM 3."""
