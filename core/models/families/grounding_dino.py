"""Grounding DINO and MM-Grounding-DINO: any labels, given to the model as one sentence.

The sentence of labels is put together here from token numbers, so that it is known which token
belongs to which label. transformers would decode the tokens that fired, giving labels that were
never asked for: merged from two, cut short, or empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...records import Box
from ..boxes import RawDetections, collect, longest_side
from ..loading import Resident, open_pretrained
from ..preprocessing import batches, process, to_device
from ..protocols import Kind, Loading, Pixels

if TYPE_CHECKING:
    import torch

CLS, SEP, FULL_STOP, QUESTION_MARK = 101, 102, 1012, 1029
"""BERT's numbers, which transformers' own code for this architecture also has fixed"""

PIXELS = ("pixel_values", "pixel_mask")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Labels as one sentence, and for each label the tokens from `first` up to `last`."""

    tokens: tuple[int, ...]
    spans: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class SentencePass:
    """One picture with one sentence about it; `picture` counts within what was prepared."""

    picture: int
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class GroundingDinoInputs:
    """Batches of inputs, what each row of them is, and the pictures' (height, width)."""

    parts: tuple[tuple[tuple[SentencePass, ...], dict[str, torch.Tensor]], ...]
    sizes: tuple[tuple[int, int], ...]


class GroundingDino(Resident):
    """Where things are that were named; see `model.Detector`."""

    kind: ClassVar[Kind] = "detector"
    open_vocabulary: ClassVar[bool] = True

    def __init__(self, loading: Loading) -> None:
        loaded = open_pretrained(
            loading,
            "AutoModelForZeroShotObjectDetection",
            needs=("image_processor", "tokenizer"),
            exact=True,
        )
        super().__init__(loaded)
        self._room = int(loaded.model.config.max_text_len)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return nothing: it takes any labels."""
        return ()

    @property
    def side(self) -> int:
        """Return the longest side in pixels above which a picture shows it nothing more."""
        return longest_side(self._loaded.processor.image_processor)

    def prepare(
        self, pictures: Sequence[Pixels], labels: Sequence[Sequence[str]]
    ) -> GroundingDinoInputs:
        """Resize, normalise and tokenise; labels that do not fit one sentence make several."""
        wanted = [self._sentences(list(named)) for named in labels]
        processed = process(self._loaded.processor.image_processor, pictures)
        asked = [SentencePass(i, one) for i in range(len(pictures)) for one in wanted[i]]
        rows = [processed[one.picture] for one in asked]
        parts = [
            (members, {**batch.inputs, **_text([one.sentence for one in members])})
            for batch in batches(rows, PIXELS)
            for members in [tuple(asked[index] for index in batch.indices)]
        ]
        return GroundingDinoInputs(tuple(parts), tuple(picture.shape[:2] for picture in pictures))

    def detect(self, prepared: GroundingDinoInputs) -> Any:
        """Run the model; return for each row sigmoids (queries, tokens) and boxes (queries, 4)."""
        import torch

        rows: list[tuple[SentencePass, NDArray[np.float32], NDArray[np.float32]]] = []
        for members, inputs in prepared.parts:
            with torch.inference_mode():
                said = self._loaded.model(**to_device(inputs, self.device, self._loaded.dtype))
            scores = said.logits.float().sigmoid().cpu().numpy()
            places = said.pred_boxes.float().cpu().numpy()
            rows += list(zip(members, scores, places, strict=True))
        return rows, prepared.sizes

    def finish(self, raw: Any, threshold: float) -> list[list[Box]]:
        """Return for each picture its boxes, best first; a box is of its best label only."""
        rows, sizes = raw
        found: list[list[RawDetections]] = [[] for _ in sizes]
        for asked, scores, places in rows:
            found[asked.picture].append(
                _found(asked.sentence, scores, places, sizes[asked.picture])
            )
        return [collect(parts, size, threshold) for parts, size in zip(found, sizes, strict=True)]

    def _sentences(self, labels: list[str]) -> list[Sentence]:
        """Split labels into as few sentences as the model's text length allows."""
        sentences: list[Sentence] = []
        tokens, spans = [CLS], list[tuple[str, int, int]]()
        for label in labels:
            own = self._tokens(label)
            if not own:
                continue
            if spans and len(tokens) + len(own) + 2 > self._room:
                sentences.append(Sentence((*tokens, SEP), tuple(spans)))
                tokens, spans = [CLS], []
            spans.append((label, len(tokens), len(tokens) + len(own)))
            tokens += [*own, FULL_STOP]
        return [*sentences, Sentence((*tokens, SEP), tuple(spans))] if spans else sentences

    def _tokens(self, label: str) -> list[int]:
        numbers = self._loaded.processor.tokenizer(label, add_special_tokens=False).input_ids
        ends = {CLS, SEP, FULL_STOP, QUESTION_MARK}
        return [number for number in numbers if number not in ends][: self._room - 3]


def _found(
    sentence: Sentence,
    scores: NDArray[np.float32],
    places: NDArray[np.float32],
    size: tuple[int, int],
) -> RawDetections:
    by_label = np.stack([scores[:, first:last].max(1) for _, first, last in sentence.spans], axis=1)
    best = by_label.argmax(1)
    height, width = size
    centre, half = places[:, :2], places[:, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], axis=1)
    return RawDetections(
        tuple(sentence.spans[index][0] for index in best),
        by_label[np.arange(len(best)), best],
        corners * np.array([width, height, width, height], np.float32),
    )


def _text(sentences: Sequence[Sentence]) -> dict[str, torch.Tensor]:
    import torch

    length = max(len(sentence.tokens) for sentence in sentences)
    tokens = torch.zeros((len(sentences), length), dtype=torch.long)
    mask = torch.zeros_like(tokens)
    for row, sentence in enumerate(sentences):
        tokens[row, : len(sentence.tokens)] = torch.tensor(sentence.tokens)
        mask[row, : len(sentence.tokens)] = 1
    return {
        "input_ids": tokens,
        "attention_mask": mask,
        "token_type_ids": torch.zeros_like(tokens),
    }
