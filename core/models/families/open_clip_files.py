"""Which weights an open_clip folder holds, in whose layout, and whether they fit its network.

Many repositories hold a model twice: in open_clip's own layout and in that of transformers. A copy
may have only one of the two, beside the configuration of the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import ModelRefused
from ...text import clean
from ..protocols import Loading
from ..quantised_files import check_quantised
from ..text_files import check_texts
from ..weight_order import OPEN_CLIP, WHOLE
from ..weights import choose_weights, header, weight_sets

PREFERRED = (*OPEN_CLIP, WHOLE)
_OF_TRANSFORMERS = ("vision_model.", "text_model.")


def check_open_clip_files(folder: Path, loading: Loading) -> Path:
    """Return the file to load. Raises ModelRefused for files that cannot be read as meant."""
    check_texts(folder, loading.name, local=loading.local, open_clip=True)
    return choose_open_clip_weights(folder, loading)


def choose_open_clip_weights(folder: Path, loading: Loading) -> Path:
    """Return the file to load. Raises ModelRefused where none is whole and in a known format."""
    named = loading.weights or next((n for n in PREFERRED if (folder / n).is_file()), "")
    found = choose_weights(folder, loading.name, named=named, local=loading.local)
    if len(found.files) != 1:
        raise ModelRefused(
            f"{clean(loading.name)} has its weights in {len(found.files)} files, and open_clip "
            "loads one; choose a copy with open_clip_model.safetensors"
        )
    check_quantised(folder, found.files, loading.name, transformers=False)
    if _in_layout_of_transformers(found.files[0]):
        raise ModelRefused(
            f"{clean(loading.name)} has the configuration of open_clip and weights of "
            f"transformers ({clean(found.named_by, limit=80)}); add config.json, the tokenizer and "
            "the processor of the same model, or open_clip_model.safetensors"
        )
    return found.files[0]


def transformers_family(folder: Path, families: Mapping[str, str]) -> str:
    """Return the family that loads an open_clip folder's weights where open_clip does not, or "".

    That is so if the weights are in the layout of transformers and config.json names one of
    `families`, model type by family.
    """
    if any((folder / name).is_file() for name in OPEN_CLIP):
        return ""
    family = families.get(_model_type(folder / "config.json"), "")
    found = next((each for each in weight_sets(folder) if not each.lacking), None)
    if not family or found is None or not found.files:
        return ""
    return family if _in_layout_of_transformers(found.files[0]) else ""


def learned_bias(config: Mapping[str, Any], weights: Path) -> dict[str, Any]:
    """Return the argument that gives a network the bias its weights were trained with.

    A CLIP trained with the sigmoid loss has a `logit_bias`, which its configuration need not
    mention. The value is overwritten by the one in the file.
    """
    has_bias = "logit_bias" in header(weights)
    return {"init_logit_bias": 0.0} if has_bias and "init_logit_bias" not in config else {}


@contextmanager
def refuse_other_network(loading: Loading) -> Iterator[None]:
    """Turn what `load_state_dict` raises for other weights into one line that names them."""
    try:
        yield
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        said = [line for line in lines if line.startswith(("Missing", "Unexpected", "size"))]
        if not said:
            raise
        raise ModelRefused(
            f"{clean(loading.name)} has weights of another network than open_clip_config.json "
            f"describes: {clean(said[0], limit=200)}"
        ) from error


def _in_layout_of_transformers(path: Path) -> bool:
    try:
        return any(name.startswith(_OF_TRANSFORMERS) for name in header(path))
    except OSError:
        return False


def _model_type(path: Path) -> str:
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return ""
    return str(read.get("model_type", "")) if isinstance(read, dict) else ""
