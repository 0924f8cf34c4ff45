"""All stores of a scan in memory: what a worker without a library would use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.records import SourceInfo, content_of
from core.storage.runs import TaskRow
from core.stores.answers import Annotation, AnswerKey, QuestionKey, SampledFrames
from core.stores.rates import RateSample
from core.stores.results import Result
from core.stores.series import SeriesHeader, SeriesPart, SeriesState


class MemorySeries:
    """A `SeriesStore`."""

    def __init__(self) -> None:
        self.headers: dict[str, SeriesHeader] = {}
        self.parts: dict[str, dict[int, SeriesPart]] = {}
        self.ended: dict[str, dict[str, Any]] = {}

    def state(self, key: str) -> SeriesState:
        ends = [part.first + len(part.indices) for part in self.parts.get(key, {}).values()]
        return SeriesState(key, max(ends, default=0), key in self.ended, self.ended.get(key, {}))

    def begin(self, headers: Iterable[SeriesHeader]) -> None:
        for header in headers:
            self.headers.setdefault(header.key, header)
            self.parts.setdefault(header.key, {})

    def append(self, parts: Mapping[str, SeriesPart]) -> None:
        for key, part in parts.items():
            self.parts[key][part.first] = part

    def complete(self, keys: Sequence[str], ended: dict[str, Any]) -> None:
        self.ended |= dict.fromkeys(keys, ended)

    def keep_whole(self, series: Iterable[tuple[SeriesHeader, SeriesPart]]) -> None:
        for header, part in series:
            self.headers[header.key] = header
            self.parts[header.key] = {part.first: part}
            self.ended[header.key] = {}

    def part_holding(self, key: str, ordinal: int) -> SeriesPart | None:
        firsts = [first for first in self.parts.get(key, {}) if first <= ordinal]
        return self.parts[key][max(firsts)] if firsts else None

    def whole(self, key: str, columns: int) -> SeriesPart:
        parts = [part for _, part in sorted(self.parts.get(key, {}).items())]
        values = [np.zeros((0, columns), np.float32)] if not parts else [p.values for p in parts]
        return SeriesPart(
            0,
            np.concatenate([np.zeros(0, np.int64), *(part.indices for part in parts)]),
            np.concatenate([np.zeros(0), *(part.pts_seconds for part in parts)]),
            np.concatenate(values),
        )

    def rename(self, keys: Mapping[str, str]) -> None:
        for old, new in keys.items():
            self.headers[new] = replace(self.headers.pop(old), key=new)
            self.parts[new] = self.parts.pop(old)
            self.ended[new] = self.ended.pop(old)

    def forget(self, keys: Sequence[str]) -> None:
        for key in keys:
            for kept in (self.headers, self.parts, self.ended):
                kept.pop(key, None)


class MemoryAnswers:
    """An `AnswerStore`; `rows` has (number of the key, content, frame, part)."""

    def __init__(self) -> None:
        self.keys: dict[str, AnswerKey] = {}
        self.rows: dict[tuple[int, str, int, str], Annotation] = {}
        self.samplings: dict[str, tuple[str, list[tuple[int, float]], dict[str, Any]]] = {}

    def register(self, key: AnswerKey) -> AnswerKey:
        return self.keys.setdefault(key.key, replace(key, id=len(self.keys) + 1))

    def known(
        self, key: AnswerKey, wanted: Sequence[QuestionKey], *, failed: bool = False
    ) -> dict[QuestionKey, Annotation]:
        numbers = [self.keys[each].id for each in key.keys if each in self.keys]
        found = {
            each: next((r for n in numbers if (r := self.rows.get((n, *each)))), None)
            for each in wanted
        }
        return {each: row for each, row in found.items() if row and (failed or not row.failed)}

    def keep(self, key: AnswerKey, answers: Iterable[tuple[str, Annotation]]) -> list[Annotation]:
        kept = []
        for content, answer in answers:
            place = key.id, content, answer.frame, answer.part
            former = self.rows.get(place)
            numbered = replace(answer, id=former.id if former else len(self.rows) + 1)
            if former is None or former.failed or not answer.failed:
                self.rows[place] = numbered
            kept.append(numbered)
        return kept

    def sampled(self, key: str) -> SampledFrames:
        _, frames, ended = self.samplings.get(key, ("", [], {}))
        both = np.array(frames, np.float64).reshape(-1, 2)
        return both[:, 0].astype(np.int64), both[:, 1].copy(), ended

    def keep_sampled(
        self, key: str, content: str, frames: Sequence[tuple[int, float]], ended: dict[str, Any]
    ) -> None:
        self.samplings[key] = content, list(frames), ended

    def forget(self, content: str) -> None:
        self.rows = {key: row for key, row in self.rows.items() if key[1] != content}
        self.samplings = {k: each for k, each in self.samplings.items() if each[0] != content}


class MemoryResults:
    """A `ResultStore`."""

    def __init__(self) -> None:
        self.infos: dict[str, SourceInfo] = {}
        self.paths: dict[str, tuple[str | None, int, int, str]] = {}
        self.results: dict[tuple[str, str], Result] = {}

    def remember(self, probes: Iterable[tuple[SourceInfo, int]]) -> None:
        for info, mtime_ns in probes:
            self.infos[info.content] = replace(info, path="")
            whole = content_of(info.content, None)
            self.paths[info.path] = whole, info.size_bytes, mtime_ns, ""

    def remember_failures(self, failures: Iterable[tuple[str, int, int, str]]) -> None:
        for path, size, mtime_ns, reason in failures:
            self.paths[path] = None, size, mtime_ns, reason

    def info(self, content: str, path: str) -> SourceInfo:
        return replace(self.infos[content], path=path)

    def forget_if_shown_otherwise(self, info: SourceInfo, spec_hash: str) -> None:
        if info.content in self.infos and self.infos[info.content].pixels != info.pixels:
            self.results.pop((info.content, spec_hash), None)

    def keep(self, results: Iterable[Result]) -> None:
        self.results |= {(each.content, each.spec_hash): each for each in results}

    def get(self, content: str, spec_hash: str) -> Result | None:
        return self.results.get((content, spec_hash))

    def failure(self, content: str | None, spec_hash: str) -> str:
        found = self.results.get((content or "", spec_hash))
        return found.failure if found else ""


class MemoryFrames:
    """A `FrameStore` that never has to remove anything."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int, int], bytes] = {}

    def get(self, content: str, frame: int, side: int) -> bytes | None:
        return self.kept.get((content, frame, side))

    def put(self, content: str, frame: int, side: int, jpeg: bytes, most_bytes: int) -> None:
        self.kept[content, frame, side] = jpeg

    def tidy(self, most_bytes: int) -> None:
        assert sum(map(len, self.kept.values())) <= most_bytes


class MemoryTexts:
    """A `TextVectorStore`."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, NDArray[np.float32]]] = {}

    def get(self, key: str, dimension: int) -> dict[str, NDArray[np.float32]]:
        return self.kept.get(key, {})

    def put(self, key: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        self.kept[key] = dict(vectors)


class MemoryThumbnails:
    """A `ThumbnailStore`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, float, int, str], bytes] = {}

    def has(self, content: str, seconds: float, longest_side: int, pixels: str = "") -> bool:
        return (content, seconds, longest_side, pixels) in self.kept

    def put(
        self, content: str, seconds: float, longest_side: int, jpeg: bytes, pixels: str = ""
    ) -> None:
        self.kept[content, seconds, longest_side, pixels] = jpeg


class MemoryTasks:
    """A `TaskStore`."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], TaskRow] = {}

    def add_tasks(self, scan: int, tasks: Iterable[TaskRow]) -> None:
        self.rows |= {(scan, task.number): task for task in tasks}


class MemoryFootprints:
    """A `FootprintStore`."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}
        self.batches: dict[tuple[str, str], int] = {}
        self.identities: dict[str, dict[str, Any]] = {}

    def bytes_of(self, key: str) -> int:
        return self.bytes.get(key, 0)

    def keep_bytes(self, key: str, name: str, device: str, used_bytes: int) -> None:
        self.bytes[key] = used_bytes

    def batch_of(self, key: str, work: str) -> int:
        return self.batches.get((key, work), 0)

    def keep_batch(self, key: str, work: str, batch: int) -> None:
        self.batches[key, work] = batch

    def identity(self, key: str) -> dict[str, Any] | None:
        return self.identities.get(key)

    def keep_identity(self, key: str, identity: dict[str, Any]) -> None:
        self.identities[key] = identity


class MemoryRates:
    """A `RateStore`."""

    def __init__(self) -> None:
        self.kept: dict[str, list[RateSample]] = {}

    def add_sample(self, key: str, sample: RateSample) -> None:
        self.kept.setdefault(key, []).append(sample)

    def samples(self, key: str) -> Sequence[RateSample]:
        return self.kept.get(key, ())


class MemoryStores:
    """The `ScanStores` of one scan."""

    def __init__(self) -> None:
        self.results = MemoryResults()
        self.series = MemorySeries()
        self.annotations = MemoryAnswers()
        self.frames = MemoryFrames()
        self.texts = MemoryTexts()
        self.thumbnails = MemoryThumbnails()
        self.runs = MemoryTasks()
        self.footprints = MemoryFootprints()
        self.rates = MemoryRates()
