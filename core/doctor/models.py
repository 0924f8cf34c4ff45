"""What `doctor` asks about models: families, attention backends, quantisation, where they lie.

Nothing of torch or transformers is imported: what is installed is looked at from outside.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from .packages import CheckResult, DoctorRequest, installed, ok, pip, reinstall, warning

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
    """Which attention backends are installed; a flash backend that does not fit is named."""
    from ..device.attention import attention_report

    report = attention_report()
    usable = ", ".join(each.name for each in report if each.usable)
    broken = [each for each in report if not each.usable and "not installed" not in each.why]
    if broken:
        return warning(f"{usable}; {broken[0].name}: {broken[0].why}", broken[0].mend)
    absent = ", ".join(each.name for each in report if not each.usable)
    return ok(f"{usable}; not installed: {absent} (sdpa runs torch's own flash kernels)")


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
