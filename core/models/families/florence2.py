"""Florence-2: does a fixed set of tasks, each called by a token, on one picture at a time.

A prompt may be a task token of its own: `<CAPTION>`, `<DETAILED_CAPTION>`,
`<MORE_DETAILED_CAPTION>`, `<OCR>`, `<OD>`, `<DENSE_REGION_CAPTION>`, `<REGION_PROPOSAL>`,
`<OCR_WITH_REGION>`, or one with words after it: `<CAPTION_TO_PHRASE_GROUNDING>`,
`<OPEN_VOCABULARY_DETECTION>`, `<REFERRING_EXPRESSION_SEGMENTATION>`, or with a region as
`<loc_N>` tokens: `<REGION_TO_CATEGORY>`, `<REGION_TO_DESCRIPTION>`, `<REGION_TO_OCR>`,
`<REGION_TO_SEGMENTATION>`. Tasks that find places answer as JSON, in pixels of the picture.

It follows no instructions, so of plain words only the first line decides, and only this much:

    keywords, tags, "list ... objects"          <OD>, its labels joined by commas, each once
    short, one sentence, alternative text       <CAPTION>
    anything else                               <MORE_DETAILED_CAPTION>

It can give no verdict: `verify` finds its answers unparsed.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import ImageRejected, UsageError
from ..answer_text import Marks, marks_of
from ..generation import Generated, answers, end_tokens, generate
from ..inputs import picture_of, together
from ..loading import Resident, open_pretrained
from ..protocols import Completion, Kind, Loading, VlmRequest

_TASK = re.compile(r"\s*(<[A-Z_]+>)(.*)", re.DOTALL)
_PLACE = re.compile(r"<loc_\d{1,3}>")
_KEYWORDS = re.compile(r"\b(keywords?|tags?|list\b.*\bobjects?)\b", re.IGNORECASE)
_SHORT = re.compile(r"\b(short|one sentence|alternative text|alt text)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of it: the model's token, and the words or region that go with it."""

    token: str
    about: str = ""
    labels_only: bool = False


@dataclass(frozen=True, slots=True)
class Florence2Inputs:
    """A batch in the model's own form; `inputs` is None for no asks at all."""

    inputs: Any
    limits: tuple[int, ...]
    tokens_in: tuple[int, ...]
    tasks: tuple[Task, ...]
    sizes: tuple[tuple[int, int], ...]
    """(width, height) of each picture"""


class Florence2(Resident):
    """Captions, labels and places; see `model.VisionLanguageModel`."""

    kind: ClassVar[Kind] = "vlm"

    def __init__(self, loading: Loading) -> None:
        loaded = open_pretrained(
            loading,
            "AutoModelForImageTextToText",
            needs=("image_processor", "tokenizer", "post_processor"),
            quantisable=True,
        )
        super().__init__(loaded)
        processor = loaded.processor
        self._tokenizer = processor.tokenizer
        # Its positions are counted from the left, so padding on that side would move the words.
        self._tokenizer.padding_side = "right"
        # Asks are tokenised while other answers are spelled out, and a fast tokenizer cannot both.
        self._speller = copy.deepcopy(self._tokenizer)
        self._marks = marks_of(processor, processor.tasks_answer_post_processing_type)
        self._ends = end_tokens(loaded.model, self._tokenizer)
        parser = processor.post_processor
        kinds = set(processor.tasks_answer_post_processing_type.values())
        parser.parse_task_config = parser.parse_task_config or {kind: {} for kind in kinds}

    @property
    def most_pictures(self) -> int | None:
        """Return 1."""
        return 1

    def prepare(self, asks: Sequence[VlmRequest]) -> Florence2Inputs:
        """Resize, normalise and tokenise; special tokens in words are neutralised.

        Raises ImageRejected, naming which ask, for an ask whose picture cannot be processed,
        and UsageError for one about several pictures.
        """
        if not asks:
            return Florence2Inputs(None, (), (), (), ())
        pictures = [_picture(ask, index) for index, ask in enumerate(asks)]
        known = self._loaded.processor.tasks_answer_post_processing_type
        tasks = tuple(task_of(ask.prompt, known, self._marks) for ask in asks)
        inputs = together(list(zip(pictures, tasks, strict=True)), self._encoded)
        read = inputs["attention_mask"].sum(dim=1).tolist()
        limits = tuple(max(1, ask.max_tokens) for ask in asks)
        sizes = tuple(picture.size for picture in pictures)
        return Florence2Inputs(inputs, limits, tuple(map(int, read)), tasks, sizes)

    def answer(self, prepared: Florence2Inputs, cancelled: Callable[[], bool]) -> Any:
        """Generate for the whole batch; stops within a token once `cancelled()`."""
        if prepared.inputs is None:
            return None
        loaded = self._loaded
        inputs = prepared.inputs.to(loaded.device, dtype=loaded.dtype)
        padding = int(self._tokenizer.pad_token_id or 0)
        made = generate(loaded.model, inputs, prepared.limits, self._ends, padding, cancelled)
        return made, prepared

    def finish(self, raw: Any) -> list[Completion]:
        """Return one answer per ask, in order: text, labels, or JSON, by its task."""
        if raw is None:
            return []
        generated: Generated = raw[0]
        prepared: Florence2Inputs = raw[1]
        rows = zip(generated.rows, prepared.tasks, prepared.sizes, strict=True)
        texts = [self._decode(said.ids, task, size) for said, task, size in rows]
        return answers(generated, texts, prepared.tokens_in)

    def _encoded(self, rows: Sequence[tuple[Any, Task]]) -> Any:
        return self._loaded.processor(
            images=[picture for picture, _ in rows],
            text=[task.token + task.about for _, task in rows],
            padding=True,
            return_tensors="pt",
        )

    def _decode(self, ids: Sequence[int], task: Task, size: tuple[int, int]) -> str:
        if not ids:
            return ""
        spelled = str(self._speller.decode(list(ids), skip_special_tokens=False))
        try:
            found = self._loaded.processor.post_process_generation(
                text=spelled, task=task.token, image_size=size
            )[task.token]
        except (ValueError, IndexError, KeyError, TypeError):
            # What it said does not parse; it is kept as it was said.
            found = str(self._speller.decode(list(ids), skip_special_tokens=True))
        return _as_text(found, task)


def task_of(prompt: str, known: Sequence[str] | dict[str, str], marks: Marks) -> Task:
    """Return the task a prompt asks for; this module's docstring says how words are read."""
    named = _TASK.fullmatch(prompt)
    if named and named[1] in known:
        return Task(named[1], _about(named[1], named[2].strip(), marks))
    first = next((line for line in prompt.splitlines() if line.strip()), "")
    if _KEYWORDS.search(first):
        return Task("<OD>", labels_only=True)
    return Task("<CAPTION>" if _SHORT.search(first) else "<MORE_DETAILED_CAPTION>")


def _about(token: str, words: str, marks: Marks) -> str:
    if token.startswith("<REGION_TO_"):
        return "".join(_PLACE.findall(words))
    takes_words = token in (
        "<CAPTION_TO_PHRASE_GROUNDING>",
        "<OPEN_VOCABULARY_DETECTION>",
        "<REFERRING_EXPRESSION_SEGMENTATION>",
    )
    return marks.neutral(words) if takes_words else ""


def _picture(ask: VlmRequest, index: int) -> Any:
    if not ask.pictures:
        raise ImageRejected("Florence-2 answers about a picture, and none was shown", index)
    if len(ask.pictures) > 1:
        raise UsageError(
            f"Florence-2 processes one picture at a time, not {len(ask.pictures)}; "
            "choose a chat model for questions about several"
        )
    return picture_of(ask.pictures[0], index)


def _as_text(found: Any, task: Task) -> str:
    if isinstance(found, str):
        return found.strip()
    if task.labels_only:
        labels = (str(label).strip() for label in found.get("labels", ()))
        return ", ".join(dict.fromkeys(label for label in labels if label))
    return json.dumps(_rounded(found), ensure_ascii=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(value, 1) if isinstance(value, float) else value
