"""The text side of CLIP in numpy: one query costs less than importing torch.

It computes what `CLIP.encode_text` of open_clip 3 does for the networks that `text_side` accepts:
open_clip's own text transformer with its own tokenizer. Weights are read from the safetensors file,
of the table of tokens only the rows that a text needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .byte_pairs import END, START, BytePairs, vocabulary_path
from .unseen_text import unseen_text

Floats = NDArray[np.float32]
_TEXT_KEYS = frozenset(("context_length", "vocab_size", "width", "heads", "layers"))
_MODEL_KEYS = frozenset(("embed_dim", "vision_cfg", "text_cfg", "quick_gelu"))
_TOKENS = 49408
_WEIGHTS = "open_clip_model.safetensors"
_BLOCKS = "transformer.resblocks."
_EPSILON = 1e-5
_DTYPES = (np.dtype(np.float32), np.dtype(np.float16))


def text_side(folder: Path) -> NumpyTexts | None:
    """Return the text side of an open_clip folder; None for any other kind of network or file."""
    config = _config(folder)
    vocabulary = vocabulary_path()
    if config is None or vocabulary is None or not (folder / _WEIGHTS).is_file():
        return None
    try:
        return NumpyTexts(folder / _WEIGHTS, config, BytePairs(vocabulary))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # torch's side says what is wrong with it


class NumpyTexts:
    """Embeds texts, in float32. Raises KeyError or TypeError for weights of another network."""

    def __init__(self, weights: Path, config: Mapping[str, Any], tokens: BytePairs) -> None:
        self._weights = _opened(weights)
        self._tokens = tokens
        text = config["text_cfg"]
        self._length, self._layers = int(text["context_length"]), int(text["layers"])
        self._heads = int(text["heads"])
        self._quick = bool(config.get("quick_gelu", False))
        self._kept: dict[str, Floats] = {}
        self._table = self._weights.get_slice("token_embedding.weight")
        self._projection = self._get("text_projection")
        self._check(int(text["width"]), int(config["embed_dim"]))

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return int(self._projection.shape[1])

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Return float32 (texts, dimension), each row of unit length."""
        rows = np.stack([self._embedded(self._tokens.encode(text)) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def unseen_text(self, text: str) -> str:
        """Return the end of a text that is beyond the model's context, or an empty string."""
        if len(self._tokens.encode(text)) <= self._length - 2:
            return ""
        from open_clip.tokenizer import SimpleTokenizer  # a query so long may take longer

        return unseen_text(SimpleTokenizer(), text, self._length)

    def _embedded(self, tokens: list[int]) -> Floats:
        """Return float32 (dimension,): in a causal transformer, that of the end token."""
        numbers = [START, *tokens, END][: self._length]
        numbers[-1] = END
        numbers = numbers[: numbers.index(END) + 1]  # a text may name the token itself
        seen = np.concatenate([np.asarray(self._table[n : n + 1], np.float32) for n in numbers])
        seen = seen + self._get("positional_embedding")[: len(numbers)]
        mask = np.triu(np.full((len(numbers), len(numbers)), -np.inf, np.float32), 1)
        for layer in range(self._layers):
            seen = self._block(f"transformer.resblocks.{layer}.", seen, mask)
        return np.asarray(self._normed("ln_final", seen[-1:])[0] @ self._projection, np.float32)

    def _block(self, name: str, seen: Floats, mask: Floats) -> Floats:
        seen = seen + self._attention(f"{name}attn.", self._normed(f"{name}ln_1", seen), mask)
        hidden = self._linear(f"{name}mlp.c_fc", self._normed(f"{name}ln_2", seen))
        hidden = _quick_gelu(hidden) if self._quick else _gelu(hidden)
        return seen + self._linear(f"{name}mlp.c_proj", hidden)

    def _attention(self, name: str, seen: Floats, mask: Floats) -> Floats:
        count, width = seen.shape
        both = seen @ self._get(f"{name}in_proj_weight").T + self._get(f"{name}in_proj_bias")
        query, key, value = (
            part.reshape(count, self._heads, -1).swapaxes(0, 1)
            for part in np.split(both, 3, axis=1)
        )
        scores = query @ key.swapaxes(1, 2) / np.sqrt(np.float32(width // self._heads)) + mask
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        joined = (shares @ value).swapaxes(0, 1).reshape(count, width)
        return self._linear(f"{name}out_proj", joined)

    def _linear(self, name: str, seen: Floats) -> Floats:
        return np.asarray(seen @ self._get(f"{name}.weight").T + self._get(f"{name}.bias"))

    def _normed(self, name: str, seen: Floats) -> Floats:
        centred = seen - seen.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        return np.asarray(
            centred / spread * self._get(f"{name}.weight") + self._get(f"{name}.bias")
        )

    def _get(self, name: str) -> Floats:
        """Return weights as float32. Raises TypeError for those in another format."""
        if name not in self._kept:
            values = self._weights.get_tensor(name)
            if values.dtype not in _DTYPES:
                raise TypeError(f"{name} is {values.dtype}")
            self._kept[name] = values.astype(np.float32, copy=False)
        return self._kept[name]

    def _check(self, width: int, dimension: int) -> None:
        """Raise ValueError for weights of other sizes, or of more layers, than configured."""
        names = list(self._weights.keys())
        blocks = {name.split(".")[2] for name in names if name.startswith(_BLOCKS)}
        sizes = tuple(self._table.get_shape()) == (_TOKENS, width)
        if self._projection.shape != (width, dimension) or not sizes:
            raise ValueError("weights of another size")
        if blocks != {str(number) for number in range(self._layers)}:
            raise ValueError("weights of another number of layers")
        self._table[0:1]  # a format that numpy lacks shows itself here


def _opened(path: Path) -> Any:
    """Return a file of weights. Raises OSError, ValueError."""
    import safetensors

    opened: Any = safetensors.safe_open
    try:
        return opened(path, framework="numpy")
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error


def _config(folder: Path) -> dict[str, Any] | None:
    """Return the network's configuration if it is one that is computed here."""
    try:
        config = json.loads((folder / "open_clip_config.json").read_bytes())["model_cfg"]
        known = set(config) <= _MODEL_KEYS and set(config["text_cfg"]) <= _TEXT_KEYS
        complete = set(config["text_cfg"]) == _TEXT_KEYS
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return dict(config) if known and complete else None


def _quick_gelu(values: Floats) -> Floats:
    return np.asarray(values / (1 + np.exp(np.float32(-1.702) * values)), np.float32)


def _gelu(values: Floats) -> Floats:
    return np.asarray(values * np.float32(0.5) * (1 + _erf(values / np.sqrt(np.float32(2)))))


def _erf(values: Floats) -> Floats:
    """Return the error function to 1.5e-7 (Abramowitz and Stegun, formula 7.1.26)."""
    size = np.abs(values)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    return np.asarray(np.sign(values) * (1 - series * np.exp(-(size**2))), np.float32)
