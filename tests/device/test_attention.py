"""Attention backends are refused at once, with the reason and the way out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.device import attention
from core.device.attention import attention_report, choose_attention
from core.device.capability import Capability, capability
from core.errors import ModelRefused

CPU = Capability("cpu", "cpu")
HOPPER = Capability("cuda:0", "cuda", (9, 0), "2.15.0+cu132", "13.2")
AMPERE = Capability("cuda:0", "cuda", (8, 6), "2.15.0+cu132", "13.2")
TURING = Capability("cuda:1", "cuda", (7, 5), "2.15.0+cu132", "13.2")


def install(
    folder: Path, name: str, version: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put a distribution with one module where Python finds it."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "flash_attn_2_cuda.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "flash_attn_2_cuda", raising=False)


@pytest.mark.parametrize("name", ["auto", "sdpa", "eager", "flex_attention"])
@pytest.mark.parametrize("device", [CPU, HOPPER], ids=["cpu", "hopper"])
def test_what_torch_itself_has_works_everywhere(name: str, device: Capability) -> None:
    assert choose_attention(name, device, "float32") == name


@pytest.mark.parametrize(
    "wanted, device, dtype, why",
    [
        ("flash_attention_2", CPU, "bfloat16", "NVIDIA GPU.*cpu.*attn = sdpa"),
        ("flash_attention_2", TURING, "float16", r"Ampere.*8\.0.*has 7\.5.*sdpa"),
        ("flash_attention_3", AMPERE, "bfloat16", r"Hopper.*has 8\.6"),
        ("flash_attention_4", AMPERE, "bfloat16", "Hopper"),
        ("flash_attention_2", HOPPER, "float32", "no float32.*bfloat16"),
        ("flash_attention_2", HOPPER, "bfloat16", "not installed.*pip install flash-attn"),
        ("flash", HOPPER, "bfloat16", "there are auto, sdpa"),
        ("kernels-community/flash-attn2", HOPPER, "bfloat16", "does not fetch"),
        ("x\x1b[2Jy", HOPPER, "bfloat16", "no attention backend"),
    ],
)
def test_what_cannot_work_says_why_and_what_to_do(
    wanted: str, device: Capability, dtype: str, why: str
) -> None:
    with pytest.raises(ModelRefused, match=why) as caught:
        choose_attention(wanted, device, dtype)
    assert "\x1b" not in str(caught.value)


def test_an_installed_flash_attn_that_fits_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "flash-attn", "2.9.1+cu13torch2.15cxx11abiTRUE", "", monkeypatch)
    assert choose_attention("flash_attention_2", AMPERE, "bfloat16") == "flash_attention_2"


@pytest.mark.parametrize(
    "version, why",
    [
        ("2.8.3+cu13torch2.9", r"built for torch 2\.9, and torch 2\.15.*--force-reinstall"),
        ("2.8.3+cu12torch2.15", r"built for CUDA 12, and this torch has CUDA 13\.2"),
        ("2.8.3+cu13torch2.1", r"built for torch 2\.1,"),
    ],
)
def test_a_wheel_for_another_torch_or_cuda_is_told_by_its_name(
    version: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "flash-attn", version, "raise AssertionError('imported')", monkeypatch)
    with pytest.raises(ModelRefused, match=why):
        choose_attention("flash_attention_2", AMPERE, "bfloat16")


def test_a_flash_attn_that_does_not_load_is_refused_with_what_the_linker_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "raise ImportError('flash_attn_2_cuda.so: undefined symbol: _ZN3c104cuda')"
    install(tmp_path, "flash-attn", "2.8.3", said, monkeypatch)
    with pytest.raises(ModelRefused, match=r"undefined symbol.*install it again"):
        choose_attention("flash_attention_2", AMPERE, "bfloat16")


def test_the_report_names_every_backend() -> None:
    report = {backend.name: backend for backend in attention_report(CPU)}
    assert set(report) == set(attention.BACKENDS) - {"auto"}
    assert report["sdpa"].usable
    assert not report["flash_attention_2"].usable
    assert report["flash_attention_2"].mend


def test_the_report_loads_nothing_heavy() -> None:
    code = (
        "import sys; from core.device.attention import attention_report; attention_report();"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "cuda:-1", "cpu\n"])
def test_devices_that_do_not_exist_are_refused(name: str) -> None:
    with pytest.raises(ModelRefused, match="no device"):
        capability(name)
