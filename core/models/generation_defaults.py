"""The generation settings a repository brings along: only its token numbers are kept.

A `generation_config.json` is written for chatting or for a benchmark: a repetition penalty bends
JSON, a time limit cuts answers, several sequences or a dictionary as the result break the caller.
Answers here are greedy and limited by the profile, so that the same question gets the same answer
whichever of these files lies beside the weights. transformers is not given the file at all, since
some settings already fail there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "generation_config.json"
KEPT = (
    "bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id",
)  # fmt: skip
"""token numbers; Florence-2 (BART) begins every answer with the forced one

`forced_eos_token_id` is not kept: at the limit it makes a cut answer look like a complete one.
"""
_HARMLESS = ("do_sample", "temperature", "top_p", "top_k", "max_length", "max_new_tokens",
             "num_beams", "use_cache", "transformers_version")  # fmt: skip
"""what generate() was always called with, whatever the repository says"""


def token_numbers(folder: Path, config: Any) -> Any:
    """Return generation settings with a repository's token numbers only.

    They are those of generation_config.json, or of the configuration where there is no such file.
    """
    from transformers import GenerationConfig

    path = folder / FILE
    said = _read(path) if path.is_file() else _of_configuration(config)
    kept = {name: said[name] for name in KEPT if _is_number(said.get(name))}
    return GenerationConfig(**kept)


def dropped_settings(folder: Path) -> dict[str, Any]:
    """Return the settings of a repository that would change answers and are not used.

    Those that this program's own call has always replaced are not among them.
    """
    from transformers import GenerationConfig

    path = folder / FILE
    usual: Any = GenerationConfig()
    if path.is_file():
        return _changing(_read(path), usual._get_default_generation_params())
    config = _read(folder / "config.json")
    text = config.get("text_config")
    said = {**(text if isinstance(text, dict) else {}), **config}
    known = {name: said[name] for name in usual.to_dict() if name in said}
    return _changing(known, usual._get_default_generation_params())


def keep_token_numbers(model: Any) -> dict[str, Any]:
    """Leave the language model inside a network of its own code only its token numbers.

    Return what was dropped. It has settings of its own, which `from_pretrained` does not reach.
    """
    from transformers import GenerationConfig

    inner = getattr(model, "llm", None)
    said = getattr(inner, "generation_config", None)
    if inner is None or said is None:
        return {}
    fresh: Any = GenerationConfig(
        **{name: found for name in KEPT if _is_number(found := getattr(said, name, None))}
    )
    inner.generation_config = fresh
    return _changing(said.to_dict(), fresh._get_default_generation_params())


def _changing(said: Mapping[str, Any], neutral: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in sorted(said.items())
        if name not in (*KEPT, *_HARMLESS) and not name.startswith("_")
        and value not in (None, False, neutral.get(name))
    }  # fmt: skip


def _of_configuration(config: Any) -> dict[str, Any]:
    """Return the token numbers of a configuration, or of the text part that has them."""
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    found: dict[str, Any] = {}
    for name in KEPT:
        values = (getattr(part, name, None) for part in (config, text))
        found[name] = next((value for value in values if value is not None), None)
    return found


def _is_number(value: Any) -> bool:
    values = value if isinstance(value, list) and value else [value]
    return all(isinstance(each, int) and not isinstance(each, bool) for each in values)


def _read(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
