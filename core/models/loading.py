"""What every family loaded by transformers has in common: from a folder, or refused in one line.

transformers fills weights that a checkpoint lacks with random numbers and only warns; asks on
stdin whether remote code may run; reads pickles; and goes to the network for what a folder lacks.
None of that happens here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..device.attention import choose_attention
from ..device.capability import Capability, capability
from ..device.memory import empty_caches, is_out_of_memory, module_bytes
from ..device.precision import choose_dtype, torch_dtype
from ..device.quantisation import Quantisation, choose_quantisation, refuse_quantisation
from ..errors import MissingExtra, ModelMissing, ModelRefused, SightlineError
from ..text import clean, clean_path
from .dequantised import dequantised
from .generation_defaults import dropped_settings, keep_token_numbers, token_numbers
from .lean_imports import lean_transformers
from .load_report import refuse_incomplete
from .model_files import check_files
from .protocols import Identity, Loading
from .text_files import check_large_texts
from .weight_order import INDEX, WHOLE
from .weights import WeightFiles

# What a saved processor says about where it came from, not about what it does to a picture.
_INCIDENTAL = frozenset(
    {"processor_class", "_processor_class", "_name_or_path", "name_or_path", "auto_map"}
)


@dataclass(slots=True)
class Pretrained:
    """A loaded checkpoint: an eval-mode module on its device, its processor, and what it is."""

    model: Any
    processor: Any
    identity: Identity
    device: str
    dtype: Any
    """torch's own dtype of the weights and of floating point inputs"""
    facts: dict[str, str] = field(default_factory=dict)
    """what else decides its answers, for the digest of its identity: weights of another name, and
    that generation settings of the repository were dropped; empty for most"""


class Resident:
    """The part of the `Model` protocol that is the same for every checkpoint on a device."""

    def __init__(self, loaded: Pretrained) -> None:
        self._loaded = loaded
        self._memory = module_bytes(loaded.model)

    @property
    def identity(self) -> Identity:
        """Return what of it is part of a result's key."""
        return self._loaded.identity

    @property
    def device(self) -> str:
        """Return where it computes."""
        return self._loaded.device

    @property
    def memory_bytes(self) -> int:
        """Return what its weights and buffers take on its device."""
        return self._memory

    def close(self) -> None:
        """Release all memory; the object cannot be used afterwards."""
        self._loaded.model = None
        self._loaded.processor = None
        self._memory = 0
        empty_caches(self._loaded.device)


def open_pretrained(
    loading: Loading,
    automodel: str,
    *,
    processor: str = "AutoProcessor",
    needs: tuple[str, ...] = (),
    exact: bool = False,
    quantisable: bool = False,
) -> Pretrained:
    """Load what `loading` names through transformers' class `automodel` and its `processor`.

    `needs` are the parts the processor must have ("image_processor", "tokenizer"). With `exact`,
    dtype auto is float32 on every device. Raises ModelMissing, ModelRefused or MissingExtra with
    one line; the device's own out-of-memory error passes through, for residency to act on.
    """
    folder = folder_of(loading)
    device = capability(loading.device)
    dtype = choose_dtype(loading.dtype, device, exact=exact)
    choose_attention(loading.attn, device, dtype)
    quantisation = _quantisation(loading, device, dtype, quantisable)
    weights = check_files(folder, loading)
    with refusals(loading), quiet(), lean_transformers():
        made = _processor(loading, folder, processor, needs)
        model = _model(loading, folder, automodel, dtype, quantisation, weights)
        facts = _facts(weights, folder, model)
    if quantisation is None or not quantisation.placed:
        model = model.to(loading.device)
    model = model.eval().requires_grad_(False)
    identity = Identity(
        model=loading.name,
        revision=loading.revision,
        family=loading.family,
        dtype=dtype,
        attn=str(getattr(model.config, "_attn_implementation", None) or "eager"),
        quantize=loading.quantize,
        preprocessing=digest(made, **facts),
    )
    return Pretrained(model, made, identity, loading.device, torch_dtype(dtype), facts)


def folder_of(loading: Loading) -> Path:
    """Return the folder to load from; raises ModelMissing if there is none."""
    if loading.local and loading.folder is not None and not loading.folder.is_dir():
        raise ModelMissing(
            f"{clean(loading.name)}: {clean_path(str(loading.folder))} is not there; name the "
            "folder where the model is now"
        )
    if loading.folder is None or not loading.folder.is_dir():
        raise ModelMissing(
            f"{clean(loading.name)} is not on this disk; get it with "
            f"`sightline models pull {clean(loading.name)}`"
        )
    return loading.folder


@contextmanager
def refusals(loading: Loading) -> Iterator[None]:
    """Turn what libraries raise while loading into one line that says what to do."""
    try:
        yield
    except SightlineError:
        raise
    except ImportError as error:
        if "requires a GPU" in str(error):
            raise ModelRefused(
                f"{clean(loading.name)} cannot be loaded on {loading.device}: {_first_line(error)}"
            ) from error
        raise MissingExtra(
            f"{clean(loading.name)} needs a package that is not here: {_first_line(error)}"
        ) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if loading.folder is not None:
            check_large_texts(loading.folder, loading.name, local=loading.local)
        raise ModelRefused(f"{clean(loading.name)} {_reason(error)}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' progress bars and advice off the terminal while something loads."""
    from transformers.utils import logging as module

    logging: Any = module
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def digest(processor: Any, **more: Any) -> str:
    """Return a digest of what the processor does to pictures; the same for the same settings."""
    parts = [
        _settings(part)
        for name in ("image_processor", "video_processor")
        if (part := getattr(processor, name, None)) is not None
    ] or [_settings(processor)]
    return digest_of({"parts": parts, **more})


def digest_of(settings: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that stand for `settings`."""
    text = json.dumps(settings, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _settings(processor: Any) -> dict[str, Any]:
    said = processor.to_dict() if hasattr(processor, "to_dict") else {}
    kept = {key: value for key, value in said.items() if key not in _INCIDENTAL}
    return {"class": type(processor).__name__, **kept}


def _quantisation(
    loading: Loading, device: Capability, dtype: str, quantisable: bool
) -> Quantisation | None:
    if not quantisable:
        refuse_quantisation(loading.quantize, loading.family)
        return None
    return choose_quantisation(loading.quantize, device, dtype)


def _processor(loading: Loading, folder: Path, name: str, needs: tuple[str, ...]) -> Any:
    import transformers

    made = getattr(transformers, name).from_pretrained(
        folder, trust_remote_code=loading.remote_code, local_files_only=True
    )
    absent = [part for part in needs if getattr(made, part, None) is None]
    if absent:
        raise ModelRefused(
            f"{clean(loading.name)} has the wrong processor: {clean(type(made).__name__)} lacks "
            f"{' and '.join(absent)}; the folder may be incomplete or of another model"
        )
    return made


def _facts(weights: WeightFiles, folder: Path, model: Any) -> dict[str, str]:
    """Return what of the files decides answers and is seen neither in them nor in the revision."""
    facts = {} if weights.named_by in (WHOLE, INDEX) else {"weights": weights.named_by}
    inner = keep_token_numbers(model)
    generates = getattr(model, "generation_config", None) is not None
    if inner or (generates and dropped_settings(folder)):
        facts["generation"] = "token numbers only"
    return facts


def _model(
    loading: Loading, folder: Path, automodel: str, dtype: str,
    quantisation: Quantisation | None, weights: WeightFiles,
) -> Any:  # fmt: skip
    import transformers

    cls = getattr(transformers, automodel)
    more = _which_weights(loading, folder, cls, weights)
    if loading.attn != "auto":
        more["attn_implementation"] = loading.attn
    if quantisation is not None:
        more["quantization_config"] = quantisation.config
        if quantisation.placed:
            more["device_map"] = {"": loading.device}
    if loading.dequantised:
        cls = _class_without_folder(cls, more["config"])
    model, info = cls.from_pretrained(
        None if loading.dequantised else folder,
        dtype=torch_dtype(dtype),
        trust_remote_code=loading.remote_code,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        **more,
    )
    refuse_incomplete(loading, info, model)
    return model


def _class_without_folder(auto: Any, config: Any) -> Any:
    """Return the class that an automatic one represents, which would ask for a folder."""
    import torch

    with torch.device("meta"):
        return type(auto.from_config(config, trust_remote_code=False))


def _which_weights(
    loading: Loading, folder: Path, cls: Any, weights: WeightFiles
) -> dict[str, Any]:
    """Return what makes transformers load exactly these files."""
    from transformers import AutoConfig

    # A class of one architecture reads the configurations of others (SAM 2 that of its video form).
    kind: Any = getattr(cls, "config_class", None) or AutoConfig
    config = kind.from_pretrained(
        folder, trust_remote_code=loading.remote_code, local_files_only=True
    )
    chosen = {"config": config, "generation_config": token_numbers(folder, config)}
    if loading.dequantised:
        chosen["state_dict"] = dequantised(weights.files, config.to_dict())
        del config.quantization_config
    elif weights.variant:
        chosen["variant"] = weights.variant
    config.transformers_weights = None if weights.variant else weights.named_by
    return chosen


def _reason(error: Exception) -> str:
    said = str(error)
    if "does not recognize this architecture" in said or "Unrecognized model" in said:
        return (
            "is of a kind the installed transformers does not know; install a newer one "
            "(pip install --upgrade transformers)"
        )
    if "Unrecognized configuration class" in said:
        return "is not a model of the family asked for; choose the family that fits it"
    if "trust_remote_code" in said:
        return "needs Python code from its own repository to run, which was not consented to"
    if "ignore_mismatched_sizes" in said:
        return "has weights of another shape than its config.json describes; take another copy"
    if "attention" in said and "support" in said:
        return f"cannot use this attention backend; use attn = auto ({_first_line(error)})"
    return f"cannot be loaded: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # torch puts what is wrong on the line after "Error(s) in loading state_dict for CLIP:".
    said = [line for line in lines if not line.endswith(":")][:1] or [type(error).__name__]
    return clean(said[0], limit=240)
