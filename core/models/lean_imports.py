"""Importing libraries without the parts of them that computing a model does not need.

torchvision, timm and transformers take a function or two each from PyTorch's compiler,
`torch._dynamo`, whose import costs about two CPU seconds; open_clip takes all of timm,
transformers and huggingface_hub even for a network of its own that lies in a folder. What is left
out is loaded once something asks for it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module, reload
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
_MODULES = (COMPILER, f"{COMPILER}.utils")


@contextmanager
def without_compiler() -> Iterator[None]:
    """Import inside without PyTorch's compiler, unless it is there already.

    Modules imported inside get the few functions that behave as the compiler's do where nothing is
    compiled. Whatever else of it they ask for loads the compiler itself.
    """
    if COMPILER in sys.modules:
        yield
        return
    stand_ins = _stand_ins()
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        _withdraw(stand_ins)


@contextmanager
def lean_transformers() -> Iterator[None]:
    """Import transformers without the compiler and without what splits a model over processes.

    The latter, `torch.distributed.tensor` and `fsdp`, is half a CPU second and more; no model is
    split here.
    """
    flags = import_module("transformers.utils.import_utils")
    packages = (flags, import_module("transformers.utils"))
    name = "is_torch_distributed_available"
    if "transformers.modeling_utils" in sys.modules or not hasattr(flags, name):
        yield
        return
    known = getattr(flags, name)
    with without_compiler():
        _set_all(packages, name, _not_available)
        try:
            import_module("transformers.modeling_utils")
            import_module("transformers.processing_utils")
        finally:
            _set_all(packages, name, known)
        yield


def _set_all(modules: Sequence[ModuleType], name: str, value: Any) -> None:
    for module in modules:
        setattr(module, name, value)


def _not_available() -> bool:
    return False


@cache
def transforms() -> Any:
    """Return torchvision's functions on pictures as tensors."""
    with without_compiler():
        return import_module("torchvision.transforms.v2.functional")


def open_clip_package(vision: Mapping[str, Any]) -> Any:
    """Import open_clip for a model with this vision configuration."""
    with without_compiler():
        with _left_out("timm", "transformers", "huggingface_hub"):
            package = import_module("open_clip")
        if "timm_model_name" in vision:
            _with_timm()
    return package


def _with_timm() -> None:
    """Let open_clip use timm after all, where it was imported without."""
    adapter = import_module("open_clip.timm_model")
    if adapter.timm is None:
        known = adapter.TimmModel  # by which the other modules of open_clip know it
        reload(adapter)
        vars(adapter)["TimmModel"] = known


class _LeftOut(MetaPathFinder):
    """Finds some packages absent, for one thread."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._thread = threading.get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise ModuleNotFoundError for what is left out; leave all else to other finders."""
        if fullname in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{fullname} is not needed here", name=fullname)
        return None


@contextmanager
def _left_out(*names: str) -> Iterator[None]:
    finder = _LeftOut([name for name in names if name not in sys.modules])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _stand_ins() -> dict[str, ModuleType]:
    """Return modules by name, in place of the compiler's."""
    made = {name: ModuleType(name) for name in _MODULES}
    vars(made[COMPILER]).update(
        __path__=_compiler_folder(), disable=_disable, utils=made[_MODULES[1]],
        assume_constant_result=_constant, allow_in_graph=_unchanged,
    )  # fmt: skip
    vars(made[_MODULES[1]])["is_compile_supported"] = _is_compile_supported
    for name, module in made.items():
        vars(module)["__getattr__"] = _forwarding(name, made)
    return made


def _compiler_folder() -> list[str]:
    """Return where the compiler's own modules lie: some can be imported without all of it."""
    return [f"{folder}/_dynamo" for folder in import_module("torch").__path__]


def _forwarding(name: str, made: Mapping[str, ModuleType]) -> Callable[[str], Any]:
    def forward(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        _withdraw(made)
        return getattr(import_module(name), attribute)

    return forward


def _withdraw(made: Mapping[str, ModuleType]) -> None:
    for name, module in made.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
    torch = sys.modules.get("torch")
    if torch is not None and vars(torch).get("_dynamo") is made[COMPILER]:
        del torch._dynamo


def _disable(fn: Any = None, recursive: bool = True, **_: Any) -> Any:
    """Mark a function as the compiler's own `disable` does: it is not to be compiled."""
    if fn is None:
        return _disable
    fn._torchdynamo_disable = True
    return fn


def _constant(fn: Any) -> Any:
    """Mark a function as the compiler's own `assume_constant_result` does."""
    fn._dynamo_marked_constant = True
    return fn


def _unchanged(fn: Any) -> Any:
    """Return a function as it is: what the compiler may put into a graph matters to it alone."""
    return fn


def _is_compile_supported(device_type: Any) -> Any:
    return import_module(f"{COMPILER}.utils").is_compile_supported(device_type)
