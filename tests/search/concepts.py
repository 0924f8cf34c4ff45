"""A library whose images are lists of words, and an embedder whose vectors are their sums.

Each word has a direction of its own, drawn from its letters; an image of "storm night" is near to a
text that says so, and far from all others. So it is known what a search must find.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from core.models.protocols import Embedder, Identity
from core.records import Candidate, Event, SourceInfo
from core.reports.searching import Searches
from core.search.background import sentences
from core.search.index import SearchIndex
from core.search.indexing import Indexer
from core.search.query_models import QueryModels
from core.search.space import EmbeddingSpace, space_of
from core.search.stores.exact import ExactStore
from core.storage.library import Library
from core.storage.runs import TaskRow
from core.stores.answers import Annotation, AnswerKey
from core.stores.results import Result

DIMENSION = 512
IDENTITY = Identity("concepts", "c" * 40, "none", "float32", "sdpa", "none", "words")
SPACE = space_of(asdict(IDENTITY), DIMENSION)
SPEC_HASH = "spec"
FPS = 2.0
NOISE = 0.8
Vector = NDArray[np.float32]


def direction(word: str) -> Vector:
    """Return the direction of a word: float32 (dimension,)."""
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


def vector_of(text: str) -> Vector:
    """Return the sum of the directions of a text's words, of unit length."""
    words = [each for each in text.lower().split() if len(each) > 3] or [text]
    total = np.sum([direction(each) for each in words], axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def image_of(text: str, name: str) -> Vector:
    """Return the vector of an image: what it shows, and as much that no word says."""
    own = direction(name)
    total = vector_of(text) + NOISE * own / np.linalg.norm(own)
    return np.asarray(total / np.linalg.norm(total), np.float32)


class Concepts:
    """An embedder of words; `asked` are the texts that were embedded."""

    identity = IDENTITY
    device = "cpu"
    dimension = DIMENSION

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_texts(self, texts: Sequence[str]) -> Vector:
        self.asked += texts
        return np.stack([vector_of(text) for text in texts])

    def unseen_text(self, text: str) -> str:
        return " ".join(text.split()[64:])

    def prepare(self, pictures: Sequence[Any]) -> Any:
        return pictures

    def embed(self, prepared: Any) -> Vector:
        """Return the direction of the colour of each picture's middle."""
        return np.stack([vector_of(colour_of(each)) for each in prepared])


def colour_of(pixels: Any) -> str:
    red, green, blue = (int(each) for each in pixels[pixels.shape[0] // 2, pixels.shape[1] // 2])
    return "crimson" if red > max(green, blue) + 60 else "emerald" if green > 120 else "shadow"


class FakeModels(QueryModels):
    """Lends the embedder of words."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Concepts()

    @contextmanager
    def lent(self, space: EmbeddingSpace, *, texts_only: bool = False) -> Iterator[Embedder]:
        yield cast("Embedder", self.model)


@dataclass
class Source:
    """A picture, or a video with a frame each half second; `shows` are words by frame."""

    path: str
    shows: Sequence[str]
    captions: Mapping[int, str] = field(default_factory=dict)
    tags: Mapping[int, Sequence[str]] = field(default_factory=dict)
    objects: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """box as x,y,width,height and words, by frame"""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> str:
        return f"b2:{hashlib.sha256(self.path.encode()).hexdigest()[:32]}"

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def kind(self) -> str:
        return "video" if self.path.endswith(".mp4") else "picture"


class Shelf:
    """A library with sources, indexed; `searches` searches it."""

    def __init__(self, folder: Path, sources: Sequence[Source]) -> None:
        self.library = Library(folder)
        self.sources = {each.path: each for each in sources}
        self._fill(sources)
        self.index = SearchIndex(self.library, writable=False)
        self.update()
        self.searches = Searches(self.library, self.index)
        self.searches._models = FakeModels()

    @property
    def model(self) -> Concepts:
        return cast("FakeModels", self.searches._models).model

    def update(self) -> None:
        """Index what is not."""
        indexer = Indexer(self.library.index, self.library.index_facts, ExactStore())
        embed = Concepts().embed_texts
        indexer.set_background(SPACE, lambda texts: embed(texts) if texts else embed(sentences()))
        indexer.update()
        self.index = SearchIndex(self.library, writable=False)

    def event(self, path: str, kind: str, first: int, last: int, *, accepted: bool = True) -> None:
        """Keep an event, or a rejected candidate, of a video."""
        source = self.sources[path]
        span = (first, first, last, first / FPS, first / FPS, last / FPS)
        candidate = Candidate(kind, kind, *span, 0.7, 0.5, accepted, "" if accepted else "too dim")
        event = Event(1, kind, *span, span[3], span[5], 0.7, 1)
        result = self.library.results.get(source.content, SPEC_HASH)
        assert result is not None
        moments = (event,) if accepted else ()
        self.library.results.keep([
            Result(source.content, SPEC_HASH, 9, "", (), {}, {}, (candidate,), moments,
                   result.annotations or tuple(self._numbers[path]))
        ])  # fmt: skip

    def close(self) -> None:
        self.searches.close()
        self.library.close()

    def _fill(self, sources: Sequence[Source]) -> None:
        tasks = [TaskRow(0, n, each.path, each.kind, each.content, "done", "", 1, 0, 1.0)
                 for n, each in enumerate(sources, 1)]  # fmt: skip
        self.library.runs.create("index", {"stages": ["embed"]}, SPEC_HASH, {"paths": []}, tasks)
        self._numbers: dict[str, list[int]] = {}
        for each in sources:
            info = SourceInfo(each.path, each.kind, each.content, 1, 64, 48, "x", "x",  # type: ignore[arg-type]
                              frame_rate=FPS, duration_seconds=len(each.shows) / FPS,
                              metadata=dict(each.metadata))  # fmt: skip
            self.library.results.remember([(info, 1)])
            self._numbers[each.path] = [*self._answers(each)]
            self.library.results.keep([
                Result(each.content, SPEC_HASH, len(each.shows), "", (), {}, {}, (), (),
                       tuple(self._numbers[each.path]))
            ])  # fmt: skip

    def _answers(self, source: Source) -> Iterator[int]:
        register = self.library.annotations.register
        embed = register(AnswerKey("embed", {"version": 1, **asdict(IDENTITY)}))
        for frame, words in enumerate(source.shows):
            shown = image_of(words, f"{source.name} {frame}")
            yield from self._kept(embed, source, frame, "", {}, shown)
        for frame, (box, words) in source.objects.items():
            label = words.split()[0]
            corner = [float(each) for each in box.split(",")]
            body = {"objects": [{"label": label, "score": 0.9, "box": corner}]}
            detect = register(AnswerKey("detect", {"model": "d"}))
            yield from self._kept(detect, source, frame, "", body)
            shown = image_of(words, f"{source.name} {frame} {box}")
            yield from self._kept(embed, source, frame, box, {}, shown)
        caption, tag = (register(AnswerKey(name, {"model": "v"})) for name in ("caption", "tag"))
        for frame, text in source.captions.items():
            said: dict[str, Any] = {"text": text, "finish": "stop", "prompt": "p@1", "facts": {}}
            yield from self._kept(caption, source, frame, "", said)
        for frame, tags in source.tags.items():
            listed = [{"tag": each, "score": 0.5} for each in tags]
            yield from self._kept(tag, source, frame, "", {"tags": listed})

    def _kept(
        self, key: AnswerKey, source: Source, frame: int, part: str, body: dict[str, Any],
        vector: Vector | None = None,
    ) -> Iterator[int]:  # fmt: skip
        answer = Annotation(key.stage, frame, frame / FPS, part, body, vector)
        for each in self.library.annotations.keep(key, [(source.content, answer)]):
            yield each.id
