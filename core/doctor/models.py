"""What `doctor` asks about models: families, attention backends, quantisation, where they lie.

Nothing of torch or transformers is imported: what is installed is looked at from outside.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..device.driver import oldest_gpu
from .packages import (
    CheckResult,
    DoctorRequest,
    child,
    installed,
    ok,
    pip,
    reinstall,
    warning,
)

if TYPE_CHECKING:
    from ..device.attention import Backend

NEWEST_NEEDED = {
    "minicpmv4_7": "MiniCPM-V 4.7",
    "minicpmv4_6": "MiniCPM-V 4.6",
    "qwen3_5": "Qwen 3.5",
    "qwen3_vl": "Qwen3-VL",
    "florence2": "Florence-2",
    "sam3": "SAM 3",
    "siglip2": "SigLIP 2",
}
"""architectures an older transformers lacks, by the folder of their code"""
_FLASH_PROBE = """
import torch
from {module} import flash_attn_func
one = torch.ones(1, 16, 2, 64, device="cuda", dtype=torch.float16)
made = flash_attn_func(one, one, one)
made = made[0] if isinstance(made, tuple) else made
assert abs(made.float().mean().item() - 1) < 1e-2, "it computes something else"
"""
_FLASH_PROBES = {
    "flash_attention_2": _FLASH_PROBE.format(module="flash_attn"),
    "flash_attention_3": _FLASH_PROBE.format(module="flash_attn_interface"),
    "flash_attention_4": _FLASH_PROBE.format(module="flash_attn.cute"),
}
FAMILY_PACKAGES = ("torchvision", "timm", "num2words", "accelerate", "safetensors")
QUANTISING = {"torchao": "8bit", "bitsandbytes": "8bit and 4bit"}


def families(asked: DoctorRequest) -> CheckResult:
    """Does the installed transformers know the architectures of the catalog."""
    version = installed("transformers")
    if version is None:
        return warning("transformers is not installed: no model can be loaded", reinstall())
    lacking = [name for folder, name in NEWEST_NEEDED.items() if not _has_architecture(folder)]
    if lacking:
        text = f"transformers {version} does not know {', '.join(lacking)}"
        return warning(text, f"{pip()} install --upgrade transformers")
    missing = [name for name in FAMILY_PACKAGES if installed(name) is None]
    if missing:
        text = f"some families of models need {', '.join(missing)}"
        return warning(text, f"{pip()} install {' '.join(missing)}")
    return ok(f"transformers {version} knows all {len(NEWEST_NEEDED)} newest families")


def attention(asked: DoctorRequest) -> CheckResult:
    """Which attention backends work here; a flash backend that does not fit is named.

    An installed one that fits by its files is also run once, in a child, on the GPU.
    """
    from ..device.attention import FLASH, attention_report
    from ..device.flash_install import this_machine

    machine = this_machine(oldest_gpu())
    report = attention_report(machine, pip())
    report = tuple(_run(each) if each.name in FLASH else each for each in report)
    usable = ", ".join(each.name for each in report if each.usable)
    broken = [each for each in report if not each.usable and "not installed" not in each.why]
    if broken:
        return warning(f"{usable}; {broken[0].name}: {broken[0].why}", broken[0].mend)
    absent = [each for each in report if not each.usable]
    names = ", ".join(each.name for each in absent) or "none"
    text = f"{usable}; not installed: {names} (sdpa runs torch's own flash kernels)"
    lines = [f"{each.name}: {each.mend.rpartition('; or ')[0]}" for each in absent]
    return ok("; ".join([text, *lines[:1]]))


def _run(backend: Backend) -> Backend:
    """Try a flash backend on the GPU: only that shows that it was built for this architecture."""
    if not backend.usable or backend.name not in _FLASH_PROBES:
        return backend
    try:
        child(_FLASH_PROBES[backend.name])
    except RuntimeError as error:
        from ..device.flash_install import install_flash_attn, this_machine

        mend = install_flash_attn(this_machine(oldest_gpu()), pip())
        return replace(backend, usable=False, why=f"does not run on this GPU: {error}", mend=mend)
    return backend


def quantisation(asked: DoctorRequest) -> CheckResult:
    """Which packages that quantise are there; they are an extra."""
    there = [f"{name} ({does})" for name, does in QUANTISING.items() if installed(name)]
    if not there:
        return ok(f"of VLMs none (an extra: {pip()} install torchao bitsandbytes)")
    return ok(", ".join(there))


def models(asked: DoctorRequest) -> CheckResult:
    """Where models lie, how many are whole, and whether the network is forbidden."""
    from ..hub.hub import Hub

    hub = Hub()
    found = hub.cached()
    size = sum(each.size_bytes for each in found)
    forbidden = f"; offline by {hub.offline}" if hub.offline else ""
    return ok(f"{len(found)} in {hub.cache}, {size / 2**30:.1f} GiB{forbidden}")


def _has_architecture(folder: str) -> bool:
    package = importlib.util.find_spec("transformers")
    if package is None or package.origin is None:
        return False
    return Path(package.origin).with_name("models").joinpath(folder).is_dir()
