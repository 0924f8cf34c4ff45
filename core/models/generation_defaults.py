"""The generation settings a repository brings along: only its token numbers are kept.

A `generation_config.json` is written for chatting or for a benchmark: a repetition penalty bends
JSON, a time limit cuts answers, several sequences or a dictionary as the result break the caller.
Answers here are greedy and limited by the profile, so that the same question gets the same answer
whichever of these files lies beside the weights.
"""

from __future__ import annotations

from typing import Any

KEPT = (
    "bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id",
)  # fmt: skip
"""token numbers; Florence-2 (BART) begins every answer with the forced one

`forced_eos_token_id` is not kept: at the limit it makes a cut answer look like a complete one.
"""
_HARMLESS = ("do_sample", "temperature", "top_p", "top_k", "max_length", "max_new_tokens",
             "num_beams", "use_cache", "transformers_version")  # fmt: skip
"""what generate() was always called with, whatever the repository says"""


def plain_generation(model: Any) -> dict[str, Any]:
    """Leave a network only the token numbers of its generation settings; return what was dropped.

    Settings that this program's own call has always replaced are dropped too and not returned:
    they never changed an answer.
    """
    dropped: dict[str, Any] = {}
    for part in _parts(model):
        dropped |= _plain(part)
    return {name: dropped[name] for name in sorted(dropped)}


def _parts(model: Any) -> list[Any]:
    """Return the network, and a language model inside it that generates by itself."""
    inner = getattr(model, "llm", None)
    return [each for each in (model, inner) if getattr(each, "generation_config", None) is not None]


def _plain(model: Any) -> dict[str, Any]:
    from transformers import GenerationConfig

    _forget_legacy(model.config)
    said = model.generation_config
    kept = {name: getattr(said, name, None) for name in KEPT}
    fresh: Any = GenerationConfig(
        **{name: value for name, value in kept.items() if value is not None}
    )
    model.generation_config = fresh
    neutral = fresh._get_default_generation_params()
    return {
        name: value for name, value in said.to_dict().items()
        if name not in (*KEPT, *_HARMLESS) and not name.startswith("_")
        and value not in (None, False, neutral.get(name))
    }  # fmt: skip


def _forget_legacy(config: Any) -> None:
    """Remove generation settings that an old config.json contains: generate() raises for them."""
    settings = getattr(config, "_get_generation_parameters", dict)
    for name in settings():
        if name not in KEPT:
            setattr(config, name, None)
