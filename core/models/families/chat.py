"""Every chat VLM that transformers itself supports: one path for all of them.

Pictures go before the words, frames of a video as so many pictures: a model without a video
processor would drop a video without a word. Batches are padded on the left whatever the checkpoint
says, so that answers begin where prompts end. Answers are greedy.

Options: `thinking` (where the chat template knows it), `max_slice_nums` (MiniCPM-V's slices of one
picture). `packing` is a matter of MiniCPM-V 4.5, see `minicpm_remote.py`; here it changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from ...errors import ModelRefused
from ...text import clean
from ..answer_text import marks_of
from ..generation import Generated, answers, end_tokens, generate
from ..inputs import picture_of, together
from ..loading import Resident, digest, open_pretrained
from ..protocols import Completion, Kind, Loading, VlmRequest
from ..thoughts import Separated, concluded, has_marks, opens_reasoning, separated

TAIL = 16
"""tokens at a prompt's end in which an opened thought is looked for"""
Instructions = Literal["parts", "string", "none"]
"""how a chat template takes a system prompt: as content parts, as a string, not at all"""


@dataclass(frozen=True, slots=True)
class ChatInputs:
    """A batch in the model's own form; `inputs` is None for no asks at all."""

    inputs: Any
    limits: tuple[int, ...]
    tokens_in: tuple[int, ...]
    thinks: tuple[bool, ...]
    """whether the prompt opened a thought, by row"""


class ChatModel(Resident):
    """Pictures and a question in, text out; see `model.VisionLanguageModel`."""

    kind: ClassVar[Kind] = "vlm"

    def __init__(self, loading: Loading) -> None:
        loaded = open_pretrained(
            loading,
            "AutoModelForImageTextToText",
            needs=("image_processor", "tokenizer"),
            quantisable=True,
        )
        super().__init__(loaded)
        processor = loaded.processor
        template = _template(processor, loading)
        self._tokenizer = processor.tokenizer
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        # Asks are tokenised while other answers are spelled out, and a fast tokenizer cannot both.
        self._speller = copy.deepcopy(self._tokenizer)
        self._marks = marks_of(processor)
        self._ends = end_tokens(loaded.model, self._tokenizer)
        self._thought_tokens = _thought_tokens(self._tokenizer)
        self._instructions = _instructions(processor)
        self._words, self._pictures = _options(loading, processor, template)
        _check_template(loading, processor, self._words)
        loaded.identity = replace(
            loaded.identity,
            preprocessing=digest(
                processor,
                template=template,
                words=self._words,
                pictures=self._pictures,
                **loaded.facts,
            ),
        )

    @property
    def most_pictures(self) -> int | None:
        """Return None: as many as fit."""
        return None

    def prepare(self, asks: Sequence[VlmRequest]) -> ChatInputs:
        """Resize, normalise, fill the chat template, tokenise; special tokens are neutralised.

        Raises ImageRejected, naming which ask, if a picture cannot be processed.
        """
        if not asks:
            return ChatInputs(None, (), (), ())
        conversations = [self._messages(ask, index) for index, ask in enumerate(asks)]
        inputs = together(conversations, self._encoded)
        read = inputs["attention_mask"].sum(dim=1).tolist()
        limits = tuple(max(1, ask.max_tokens) for ask in asks)
        return ChatInputs(inputs, limits, tuple(map(int, read)), self._opened(inputs["input_ids"]))

    def answer(self, prepared: ChatInputs, cancelled: Callable[[], bool]) -> Any:
        """Generate for the whole batch; stops within a token once `cancelled()`."""
        if prepared.inputs is None:
            return None
        loaded = self._loaded
        inputs = prepared.inputs.to(loaded.device, dtype=loaded.dtype)
        padding = int(self._tokenizer.pad_token_id or 0)
        made = generate(loaded.model, inputs, prepared.limits, self._ends, padding, cancelled)
        return made, prepared

    def finish(self, raw: Any) -> list[Completion]:
        """Return one answer per ask, in order, without what the model thought before it."""
        if raw is None:
            return []
        generated: Generated = raw[0]
        prepared: ChatInputs = raw[1]
        said = [
            self._decode(row.ids, begun)
            for row, begun in zip(generated.rows, prepared.thinks, strict=True)
        ]
        made = answers(generated, [each.text for each in said], prepared.tokens_in)
        return [concluded(*each) for each in zip(made, said, strict=True)]

    def _messages(self, ask: VlmRequest, index: int) -> list[dict[str, Any]]:
        words = self._marks.neutral(ask.prompt)
        system = self._marks.neutral(ask.system)
        if system and self._instructions == "none":
            words, system = f"{system}\n\n{words}", ""
        parts: list[dict[str, Any]] = [
            {"type": "image", "image": picture_of(picture, index)} for picture in ask.pictures
        ]
        message = {"role": "user", "content": [*parts, {"type": "text", "text": words}]}
        return [_system(system, self._instructions), message] if system else [message]

    def _encoded(self, conversations: Sequence[list[dict[str, Any]]]) -> Any:
        settings = {"padding": True, "padding_side": "left"}
        return self._loaded.processor.apply_chat_template(
            copied(conversations),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={**settings, **self._pictures},
            **self._words,
        )

    def _opened(self, ids: Any) -> tuple[bool, ...]:
        """Return which prompts end in an opened thought."""
        tails = [self._tokenizer.decode(row[-TAIL:]) for row in ids.tolist()]
        return tuple(opens_reasoning(str(tail)) for tail in tails)

    def _decode(self, ids: tuple[int, ...], begun: bool) -> Separated:
        """Spell out an answer; tokens that mark reasoning are needed until it is separated."""
        if self._thought_tokens.isdisjoint(ids):
            return separated(str(self._speller.decode(ids, skip_special_tokens=True)), begun)
        said = separated(str(self._speller.decode(ids, skip_special_tokens=False)), begun)
        text = said.text
        for token in self._speller.all_special_tokens:
            text = text.replace(token, "")
        return replace(said, text=text.strip())


def copied(conversations: Sequence[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Return conversations that may be written into, as processors do."""
    return [[dict(turn) for turn in talk] for talk in conversations]


def _system(words: str, how: Instructions) -> dict[str, Any]:
    content: Any = words if how == "string" else [{"type": "text", "text": words}]
    return {"role": "system", "content": content}


def _instructions(processor: Any) -> Instructions:
    """Find out how the chat template takes a system prompt, by trying."""
    probe = "sightline probes"
    ways: tuple[Instructions, ...] = ("parts", "string")
    user = {"role": "user", "content": [{"type": "text", "text": "a"}]}
    for way in ways:
        try:
            written = processor.apply_chat_template([_system(probe, way), user], tokenize=False)
        except Exception:  # noqa: S112 a template says no in any way it likes
            continue
        if probe in written and "'type'" not in written:
            return way
    return "none"


def _template(processor: Any, loading: Loading) -> str:
    held = getattr(processor, "chat_template", None) or getattr(
        processor.tokenizer, "chat_template", None
    )
    if isinstance(held, dict):
        held = held.get("default")
    if not held:
        raise ModelRefused(
            f"{clean(loading.name)} has no chat template, so it cannot be asked; take the variant "
            "that is tuned to answer (often called instruct, chat or it)"
        )
    processor.chat_template = held
    return str(held)


def _check_template(loading: Loading, processor: Any, words: Mapping[str, Any]) -> None:
    """Raise ModelRefused for a chat template that cannot ask about a picture.

    Refused once, before a frame is read; every question would fail with it.
    """
    probe = "sightline probes"
    parts = [{"type": "image"}, {"type": "text", "text": probe}]

    def written(content: list[dict[str, str]]) -> str:
        talk = [{"role": "user", "content": content}]
        return str(
            processor.apply_chat_template(talk, add_generation_prompt=True, tokenize=False, **words)
        )

    try:
        asked, without = written(parts), written(parts[1:])
    except Exception as error:
        why = clean(str(error).strip() or type(error).__name__, limit=160)
    else:
        dropped = "the picture" if asked == without else "" if probe in asked else "the question"
        why = f"it omits {dropped}" if dropped else ""
    if why:
        raise ModelRefused(
            f"the chat template of {clean(loading.name)} cannot be used: {why}; take another "
            "commit or variant of the model"
        )


def _options(
    loading: Loading, processor: Any, template: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the options come to: for the chat template, and for the pictures."""
    words, pictures = {}, {}
    if "enable_thinking" in template:
        words["enable_thinking"] = bool(loading.options.get("thinking", False))
    slices = loading.options.get("max_slice_nums")
    if slices is not None and hasattr(processor.image_processor, "max_slice_nums"):
        pictures["max_slice_nums"] = int(slices)
    return words, pictures


def _thought_tokens(tokenizer: Any) -> frozenset[int]:
    """Return the tokens that mark reasoning; some tokenizers omit them when they decode."""
    added: dict[str, int] = tokenizer.get_added_vocab()
    return frozenset(number for token, number in added.items() if has_marks(token))
