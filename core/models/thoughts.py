"""The reasoning of a model, separated from its answer.

Rules, in this order:

- Channels (`<|channel|>analysis … <|channel|>final …`): only what is in `final` is the answer. Also
  where a decoder dropped the control tokens (`analysis… assistantfinal…`).
- Tags (`<think>`, `<thinking>`, `<seed:think>`, `[THINK]`, `◁think▷` and others): what is between
  an opening and its closing tag is reasoning, nested ones included, wherever it is. A closing tag
  without an opening one ends reasoning that the prompt opened: all before it is reasoning. An
  opening tag without a closing one begins reasoning that was cut off, if it begins a line.
- A tag in quotation marks or backticks, or an opening tag within a line that nothing closes, is
  text about the tag and stays, unless it is a control token (`◁think▷`, `<|…|>`).
- Marks around the answer (`<|begin_of_box|>`, `<answer>`) are removed, the answer stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..text import counted
from .protocols import Completion

MARKS_KEPT = 8
EMPTY = "the answer is empty"
"""why an answer without a text, and without reasoning, failed"""
_NAMES = r"(?:[a-z0-9_]{1,20}:)?(?:think(?:ing)?|thoughts?|reasoning|longcat_think)"
_TOKENS = r"begin_of_thought|begin_of_think|START_THINKING|think(?:ing)?(?:_start)?|inner_prefix"
_ENDS = (
    r"end_of_thought|end_of_think|END_THINKING|(?:/think(?:ing)?|think(?:ing)?_end)|inner_suffix"
)
_MARK = re.compile(
    rf"(?P<soft_open><{_NAMES}\s*>|(?-i:\[THINK\]))"
    rf"|(?P<soft_close></{_NAMES}\s*>|(?-i:\[/THINK\]))"
    rf"|(?P<open>◁think▷|<\|(?:{_TOKENS})\|>|<\|channel>\s*thought|<unused94>\s*thought)"
    rf"|(?P<close>◁/think▷|<\|(?:{_ENDS})\|>|<channel\|>|<unused95>)",
    re.IGNORECASE,
)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(?P<name>analysis|commentary|final)"
    r"(?:(?:\s+to=[^<\s]+)?\s{0,9}(?:<\|constrain\|>\s{0,9}\w+)?\s{0,9}<\|message\|>)?",
    re.IGNORECASE,
)
_TURN = re.compile(r"<\|start\|>(?:\s*assistant)?|<\|(?:end|return|call|message)\|>")
_BARE_FINAL = re.compile(r"\A\s*analysis.*assistant\s*final", re.DOTALL)
_BARE_ANALYSIS = re.compile(r"\A\s*analysis(?=[A-Z])")
_SPOKEN = re.compile(
    r"\A\s*here(?:'s| is) my thought process:.*?(?:here(?:'s| is) my response:|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_AROUND = re.compile(
    r"<\|(?:begin|end)_of_(?:box|solution|answer|response)\|>|<\|(?:START|END)_RESPONSE\|>"
)
_ANSWER = ("<answer>", "</answer>")
_QUOTES = frozenset("\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb")
_LINE = 500
"""how far back the beginning of a line is looked for"""


@dataclass(frozen=True, slots=True)
class Separated:
    """An answer without the reasoning, and what was removed."""

    text: str
    """without white space around it"""
    marks: tuple[str, ...] = ()
    """the marks that were removed, each once, at most eight"""
    letters: int = 0
    """how many characters of reasoning were removed"""
    unfinished: bool = False
    """whether the reasoning was not ended"""


@dataclass(slots=True)
class _Scan:
    """What was found so far: pieces of the answer, where the next one begins, open thoughts."""

    depth: int
    last_close: int
    """where the last closing tag of the text begins"""
    at: int = 0
    closed_at: int | None = None
    kept: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)


def separated(text: str, begun: bool = False) -> Separated:
    """Return an answer without its reasoning. `begun`: the prompt itself opened the reasoning."""
    answer, marks, unfinished = _without_channels(text)
    if not marks:
        answer, marks, unfinished = _without_tags(text, begun)
    answer, around = _unwrapped(answer)
    removed = len(text.strip()) - len(answer) - sum(map(len, (*marks, *around)))
    shown = tuple(dict.fromkeys((*marks, *around)))[:MARKS_KEPT]
    thought = bool(marks) or unfinished
    return Separated(answer, shown, max(0, removed) if thought else 0, unfinished)


def concluded(answer: Completion, said: Separated) -> Completion:
    """Return a completion with what was removed; failed if it is nothing but reasoning."""
    letters = said.letters + answer.thought_letters
    removed = tuple(dict.fromkeys((*answer.removed, *said.marks)))
    done = replace(answer, text=said.text, removed=removed, thought_letters=letters)
    is_reasoning = bool(letters or said.unfinished or said.marks)
    if said.text or answer.finish in ("cancelled", "failed") or not is_reasoning:
        return done
    return replace(done, text="", finish="failed", error=only_reasoning(answer))


def is_blank(text: str) -> bool:
    """Return whether a text shows nothing: white space, zero-width and control characters."""
    return not any(letter.isprintable() and not letter.isspace() for letter in text)


def only_reasoning(answer: Completion) -> str:
    """Return why an answer that is nothing but reasoning failed."""
    if answer.finish == "length":
        return all_reasoning(answer.tokens_out)
    return "the model ended after its reasoning, without an answer"


def all_reasoning(tokens: int | None) -> str:
    """Return why an answer that reached its limit before it began failed."""
    spent = counted(tokens, "token") if tokens else "all tokens"
    why = "spent on reasoning, none on an answer; increase vlm.max_tokens, or switch reasoning off"
    return f"{spent} {why}"


def has_marks(text: str) -> bool:
    """Return whether a token's text is a mark of reasoning or around an answer."""
    return any(p.search(text) for p in (_MARK, _AROUND, _CHANNEL, _TURN)) or text == "<|channel|>"


def opens_reasoning(prompt: str) -> bool:
    """Return whether a prompt ends in an opened thought, so that the answer begins inside it."""
    end = prompt.rstrip()
    found = [mark for mark in (*_MARK.finditer(end), *_CHANNEL.finditer(end)) if mark[0]]
    last = max(found, key=lambda mark: mark.end(), default=None)
    if last is None or last.end() != len(end):
        return False
    return last["name"].lower() != "final" if last.re is _CHANNEL else not _closes(last)


def marks_in(text: str) -> Iterator[str]:
    """Yield the marks of reasoning that a text contains."""
    yield from (found[0] for found in _MARK.finditer(text))


def _without_channels(text: str) -> tuple[str, list[str], bool]:
    heads = list(_CHANNEL.finditer(text))
    if not heads:
        return _without_bare_channels(text)
    ends = [head.start() for head in heads[1:]] + [len(text)]
    final = [
        _TURN.sub("", text[head.end() : end]).strip()
        for head, end in zip(heads, ends, strict=True)
        if head["name"].lower() == "final"
    ]
    return "\n".join(filter(None, final)), [head[0] for head in heads], not final


def _without_bare_channels(text: str) -> tuple[str, list[str], bool]:
    """Handle what remains of channels, or of a spoken heading, where there are no marks."""
    for pattern in (_BARE_FINAL, _SPOKEN):
        found = pattern.match(text)
        if found:
            rest = text[found.end() :].strip()
            return rest, ["analysis" if pattern is _BARE_FINAL else "my thought process"], not rest
    return ("", ["analysis"], True) if _BARE_ANALYSIS.match(text) else (text, [], False)


def _without_tags(text: str, begun: bool) -> tuple[str, list[str], bool]:
    found = list(_MARK.finditer(text))
    closings = (mark.start() for mark in found if _closes(mark))
    scan = _Scan(int(begun), max(closings, default=-1))
    for number, mark in enumerate(found):
        following = found[number + 1] if number + 1 < len(found) else None
        _take(scan, mark, following, text)
    if scan.depth and scan.closed_at is not None:  # one more was opened than closed
        scan.depth, scan.at = 0, scan.closed_at
    if not scan.depth:
        scan.kept.append(text[scan.at :])
    answer = " ".join(filter(None, (piece.strip() for piece in scan.kept)))
    return answer if scan.marks or begun else text.strip(), scan.marks, bool(scan.depth)


def _take(scan: _Scan, mark: re.Match[str], following: re.Match[str] | None, text: str) -> None:
    if _closes(mark):
        if not scan.depth and (_is_quoted(mark, mark, text) or scan.at > mark.start()):
            return
        _close(scan, mark)
    elif _is_quoted(mark, mark, text) or (following and _is_quoted(mark, following, text)):
        if following and not scan.depth and _closes(following):
            _keep(scan, following.end(), text)
        return
    elif scan.depth:
        scan.depth += 1
    elif mark.lastgroup == "open" or mark.start() < scan.last_close or _begins_line(mark, text):
        scan.kept.append(text[scan.at : mark.start()])
        scan.depth, scan.closed_at = 1, None
    else:
        return
    scan.marks.append(mark[0])


def _keep(scan: _Scan, end: int, text: str) -> None:
    """Keep a text up to the end of a quoted pair of tags."""
    scan.kept.append(text[scan.at : end])
    scan.at = end


def _close(scan: _Scan, mark: re.Match[str]) -> None:
    if scan.depth:
        scan.depth -= 1
    else:  # all before it is reasoning that the prompt opened
        scan.kept.clear()
    scan.closed_at = scan.at = mark.end()


def _closes(mark: re.Match[str]) -> bool:
    return mark.lastgroup in ("close", "soft_close")


def _begins_line(mark: re.Match[str], text: str) -> bool:
    before = text[max(0, mark.start() - _LINE) : mark.start()]
    return not before.rpartition("\n")[2].strip()


def _is_quoted(first: re.Match[str], last: re.Match[str], text: str) -> bool:
    """Return whether a tag, or a pair of tags, is in quotation marks."""
    if first.lastgroup in ("open", "close"):
        return False
    before = text[max(0, first.start() - 1) : first.start()]
    after = text[last.end() : last.end() + 1]
    return before in _QUOTES and after in _QUOTES


def _unwrapped(answer: str) -> tuple[str, list[str]]:
    """Return an answer without the marks around it, and those marks."""
    marks = _AROUND.findall(answer)
    inner = _AROUND.sub("", answer).strip()
    opening, closing = _ANSWER
    if inner[: len(opening)].lower() == opening:
        marks.append(opening)
        inner = inner[len(opening) :].strip()
        if inner[-len(closing) :].lower() == closing:
            marks.append(closing)
            inner = inner[: -len(closing)].strip()
    return inner, marks
