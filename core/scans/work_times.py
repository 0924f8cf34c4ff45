"""How long the parts of a scan take, measured while it runs and kept for estimates of later ones.

Kinds of work, by key: screening of videos (unit: a frame of a megapixel) and of pictures (a
picture), each stage with a model (a frame that it was newly asked about), verification (a second of
video), and the start (a scan): whatever else a scan spends, such as loading models.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..config.spec import Spec
from ..records import SourceInfo
from ..stores.rates import RateSample, RateStore

if TYPE_CHECKING:
    from ..inference.runner import StageTimes
    from ..models.protocols import Loading

LEAST_SECONDS = 0.001
"""what took less says nothing"""


def screening_key(spec: Spec, kind: str) -> str:
    """Return the kind of work that screening sources of a kind is."""
    stages = ",".join(sorted(spec.screening_stages))
    return f"screen|{kind}|{spec.sampling.mode if kind == 'video' else ''}|{stages}"


def model_key(spec: Spec, stage: str, loading: Loading, kind: str) -> str:
    """Return the kind of work that asking a stage's model about sources of a kind is."""
    from ..inference.frames import longest_side

    loaded = (loading.name, str(loading.options.get("url", "")), loading.device, loading.dtype,
              loading.quantize)  # fmt: skip
    return "|".join(("model", kind, stage, *loaded, str(longest_side(spec)), str(spec.vlm.packing)))


def start_key(loadings: Mapping[str, Loading]) -> str:
    """Return the kind of work that starting a scan is."""
    models = sorted({f"{each.name},{each.device}" for each in loadings.values()})
    return "|".join(("start", *models))


def keyframes_key() -> str:
    """Return the key of keyframes (as `seconds`) in so many seconds of video (as units)."""
    return "keyframes"


def megapixels(info: SourceInfo) -> float:
    """Return how many millions of pixels a frame has."""
    return max(info.width * info.height, 1) / 1e6


@dataclass
class WorkTimes:
    """What one scan spends, by kind of work. Any thread may call."""

    spec: Spec
    loadings: Mapping[str, Loading]
    _spent: dict[str, RateSample] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def screened(self, info: SourceInfo, frames: int, seconds: float, at_once: int) -> None:
        """Take down that frames of a video were screened, beside others at the same time."""
        if self.spec.screening_stages:
            units = frames * megapixels(info)
            self._add(screening_key(self.spec, "video"), units, seconds / max(at_once, 1))

    def pictures(self, count: int, seconds: float, times: StageTimes | None) -> None:
        """Take down how long pictures took; with models, screening is a part of that."""
        if times is None:
            self._add(screening_key(self.spec, "picture"), count, seconds)
        else:
            self.answered("picture", seconds, times)

    def answered(self, kind: str, seconds: float, times: StageTimes) -> None:
        """Share the time that models took with all around them out among their stages."""
        busy = sum(each.seconds for each in times.stages.values())
        seconds = max(seconds - times.loading_seconds, 0.0)
        for stage, each in times.stages.items():
            key = model_key(self.spec, stage, self.loadings[stage], kind)
            self._add(key, each.units, seconds * each.seconds / busy if busy else 0.0)

    def verified(self, stage: str, info: SourceInfo, seconds: float) -> None:
        """Take down how long the candidates of a video took."""
        key = model_key(self.spec, stage, self.loadings[stage], "video")
        self._add(key, info.duration_seconds or 0.0, seconds)

    def keyframes(self, info: SourceInfo, frames: int) -> None:
        """Take down how many keyframes a video has."""
        if self.spec.sampling.mode == "keyframes" and self.spec.sampling.max_frames is None:
            self._add(keyframes_key(), info.duration_seconds or 0.0, float(frames))

    def keep(self, rates: RateStore, seconds: float) -> None:
        """Keep one sample of each kind, and what is left of the scan's time as that of its start.

        Nothing is kept of a scan that measured nothing.
        """
        with self._lock:
            spent = dict(self._spent)
        measured = sum(each.seconds for key, each in spent.items() if key != keyframes_key())
        if not spent:
            return
        spent[start_key(self.loadings)] = RateSample(1.0, max(seconds - measured, 0.0))
        for key, sample in spent.items():
            if sample.units > 0 and sample.seconds >= LEAST_SECONDS:
                rates.add_sample(key, sample)

    def _add(self, key: str, units: float, seconds: float) -> None:
        if units <= 0:
            return
        with self._lock:
            former = self._spent.get(key, RateSample(0.0, 0.0))
            self._spent[key] = RateSample(former.units + units, former.seconds + seconds)
