"""Python code that comes with a model: only with consent, and helped over what changed since.

transformers 5 wants of every model what `post_init` sets up, which older remote code never calls;
and it refuses code that imports flash_attn, even if that is never used. Both are patched while a
model is loaded and no longer.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ModelRefused
from ..text import clean
from .protocols import Loading

FLASH = "flash_attn"
_CONFIGS = (
    "config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
)


def check_consent(loading: Loading) -> None:
    """Raise ModelRefused unless this commit's code may run, and all of it is in its folder."""
    name, revision = clean(loading.name), clean(loading.revision)
    if not loading.remote_code:
        raise ModelRefused(
            f"{name} runs Python code from its own repository; read that code, then consent to "
            f'this commit with models.allow_remote_code = ["{name}@{revision}"] in a profile, or '
            f"--set 'models.allow_remote_code=[\"{name}@{revision}\"]'"
        )
    for reference in _references(loading.folder or Path()).values():
        if "--" in reference:
            elsewhere = clean(reference.partition("--")[0], limit=80)
            raise ModelRefused(
                f"{name} wants to run code of another repository, {elsewhere}, which was not "
                "consented to; choose a revision that brings its own code"
            )


@contextmanager
def compatible_transformers() -> Iterator[None]:
    """Let older remote code load with transformers 5 and without flash_attn."""
    with _tied_weights(), _flash_attention():
        yield


def processor_of(folder: Path, tokenizer: Any) -> Any:
    """Return the processor of a snapshot, by its own class where AutoProcessor does not find it.

    AutoProcessor gives a mere tokenizer where a snapshot's files do not name the processor.
    """
    from transformers import AutoProcessor

    safe: dict[str, Any] = {"trust_remote_code": True, "local_files_only": True}
    auto: Any = AutoProcessor
    made: Any = None
    try:
        made = auto.from_pretrained(folder, **safe)
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        reason: Exception | None = error
    else:
        reason = None
    if _is_complete(made):
        return made
    named = _references(folder).get("AutoProcessor") or _processing_class(folder)
    if named is None:
        raise ModelRefused(
            f"{clean(folder.name)} has no processor class; the folder may be incomplete"
        ) from reason
    return _built(folder, named, tokenizer, safe)


def _built(folder: Path, named: str, tokenizer: Any, safe: dict[str, Any]) -> Any:
    from transformers import AutoImageProcessor
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    kind: Any = get_class_from_dynamic_module(named, str(folder), local_files_only=True)
    auto: Any = AutoImageProcessor
    return kind(image_processor=auto.from_pretrained(folder, **safe), tokenizer=tokenizer)


def _is_complete(processor: Any) -> bool:
    return all(getattr(processor, part, None) for part in ("image_processor", "tokenizer"))


def _references(folder: Path) -> dict[str, str]:
    """Return every class a snapshot's files name as its own code, by transformers' Auto class."""
    found: dict[str, str] = {}
    for name in _CONFIGS:
        named = _json(folder / name).get("auto_map")
        pairs = named.items() if isinstance(named, dict) else ()
        for auto, reference in pairs:
            parts = reference if isinstance(reference, list) else [reference]
            found |= {f"{auto}{n or ''}": part for n, part in enumerate(parts) if part}
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _processing_class(folder: Path) -> str | None:
    """Return the processor class of a `processing_*.py`, as transformers names such classes."""
    for path in sorted(folder.glob("processing_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Processor"):
                return f"{path.stem}.{node.name}"
    return None


class _TiedWeights:
    """What `post_init` would have put together; an instance's own attribute goes before it."""

    def __get__(self, model: Any, kind: type | None = None) -> dict[str, str]:
        if model is None:
            return {}
        found: dict[str, str] = {}
        for name, module in model.named_children():
            tied = getattr(module, "all_tied_weights_keys", None) or {}
            found |= {f"{name}.{target}": f"{name}.{source}" for target, source in tied.items()}
        model.__dict__["all_tied_weights_keys"] = found
        return found


@contextmanager
def _tied_weights() -> Iterator[None]:
    from transformers import PreTrainedModel

    base: Any = PreTrainedModel
    base.all_tied_weights_keys = _TiedWeights()
    try:
        yield
    finally:
        del base.all_tied_weights_keys


class _Absent(ModuleType):
    """Stands for a package that is imported and never used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def unusable(*_: Any, **__: Any) -> Any:
            raise ImportError(f"{FLASH} is not installed; use attn = sdpa")

        return unusable


class _Stands:
    """Finds flash_attn and its parts where no real one is installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for flash_attn and its parts, None for anything else."""
        if name != FLASH and not name.startswith(f"{FLASH}."):
            return None
        loader: Any = self
        return ModuleSpec(name, loader, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the stand-in."""
        return _Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


@contextmanager
def _flash_attention() -> Iterator[None]:
    from transformers.utils.import_utils import is_flash_attn_2_available

    is_flash_attn_2_available()  # it remembers: asked now, it never takes the stand-in for real
    stands: Any = _Stands()
    sys.meta_path.append(stands)  # last, so that an installed one goes before it
    try:
        yield
    finally:
        sys.meta_path.remove(stands)
        for name, module in list(sys.modules.items()):
            if isinstance(module, _Absent):
                del sys.modules[name]
