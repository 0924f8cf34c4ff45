"""Attention backends are refused at once, with the reason and the way out."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from core.device import attention
from core.device.attention import attention_report, choose_attention
from core.device.capability import Capability, capability
from core.device.flash_install import (
    Machine,
    install_flash_attn,
    install_flash_attn_4,
    this_machine,
)
from core.errors import ModelRefused
from tests.lazy import lazy

CPU = Capability("cpu", "cpu")
HOPPER = Capability("cuda:0", "cuda", (9, 0), "2.15.0+cu132", "13.2")
AMPERE = Capability("cuda:0", "cuda", (8, 6), "2.15.0+cu132", "13.2")
GPU = Machine("2.15.0+cu132", "13.2", (9, 0), "cp311", "linux_x86_64", "", True)
NO_GPU = replace(GPU, compute=None)
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
        ("2.8.3+cu12torch2.15", r"built for CUDA 12, and the installed torch has CUDA 13\.2"),
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
    report = {backend.name: backend for backend in attention_report(NO_GPU)}
    assert set(report) == set(attention.BACKENDS) - {"auto"}
    assert report["sdpa"].usable
    assert not report["flash_attention_2"].usable
    assert report["flash_attention_2"].mend


def test_the_report_loads_nothing_heavy() -> None:
    code = (
        "import sys; from core.device.attention import attention_report;"
        "from core.device.flash_install import this_machine; attention_report(this_machine(None));"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "stated, machine, why",
    [
        ("2.8.3+cu12torch2.15", GPU, "built for CUDA 12, and the installed torch has CUDA 13.2"),
        ("2.8.3+cu13torch2.9cxx11abiTRUE", GPU, "built for torch 2.9"),
        ("2.8.3+cu13torch2.15cxx11abiFALSE", GPU, r"the old C\+\+ ABI"),
        ("2.8.3+cu13torch2.15cxx11abiTRUE", GPU, ""),
        ("2.8.3", GPU, ""),
        ("2.8.3", replace(GPU, compute=(7, 5)), r"needs Ampere.*has 7\.5"),
        ("2.8.3", NO_GPU, "the driver reports none"),
        ("2.8.3", replace(GPU, cuda="", torch="2.15.0"), "torch 2.15.0 is a CPU build"),
    ],
)
def test_doctor_compares_torch_cuda_abi_and_gpu(
    stated: str, machine: Machine, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "flash-attn", stated, "raise AssertionError('imported')", monkeypatch)
    report = {backend.name: backend for backend in attention_report(machine)}
    found = report["flash_attention_2"]
    assert found.usable is not bool(why)
    assert re.search(why, found.why)


@pytest.mark.parametrize(
    "symbols, why",
    [
        (b"libcudart.so.12", "linked with CUDA 12, and the installed torch has CUDA 13.2"),
        (b"libcudart.so.13 _ZN3c105ErrorC2ENS_14SourceLocationESs", "the other C++ ABI"),
        (b"libcudart.so.13 _ZN3c105ErrorC2ENS_14SourceLocationENSt7__cxx1112basic_string", ""),
    ],
)
def test_a_package_built_here_is_judged_by_what_it_is_linked_with(
    symbols: bytes, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "flash-attn", "2.8.3", "", monkeypatch)
    (tmp_path / "flash_attn_2_cuda.cpython-311-x86_64-linux-gnu.so").write_bytes(symbols)
    report = {backend.name: backend for backend in attention_report(GPU)}
    assert why in report["flash_attention_2"].why
    assert report["flash_attention_2"].usable is not bool(why)


@pytest.mark.parametrize(
    "machine, line",
    [
        (replace(GPU, nvcc="13.2"), "MAX_JOBS=4 pip install flash-attn==2.8.3 --no-build-isol"),
        (replace(GPU, nvcc="12.8"), "no install line exists.*nvcc has CUDA 12.8"),
        (GPU, "no install line exists.*torch 2.15 with CUDA 13.*there is no nvcc"),
        (replace(GPU, torch="2.10.0+cu130", python="cp312"),
         "v2.8.3/flash_attn-2.8.3%2Bcu13torch2.10cxx11abiTRUE-cp312-cp312-linux_x86_64.whl"),
        (replace(GPU, compute=(7, 5)), "flash-attn cannot be installed.*Ampere"),
        (NO_GPU, "no NVIDIA GPU"),
        (replace(GPU, platform="darwin_arm64"), "runs on Linux"),
        (replace(GPU, cuda=""), "CPU build"),
    ],
)  # fmt: skip
def test_the_install_line_is_for_this_machine_or_there_is_none(machine: Machine, line: str) -> None:
    assert re.search(line, install_flash_attn(machine, "pip"))


def test_flash_attn_4_takes_the_extra_of_its_cuda() -> None:
    assert install_flash_attn_4(GPU, "pip") == 'pip install --pre "flash-attn-4[cu13]"'
    older = replace(GPU, cuda="12.8")
    assert install_flash_attn_4(older, "pip") == 'pip install --pre "flash-attn-4"'


def test_this_machine_is_that_of_torch() -> None:
    torch = lazy("torch")
    seen = this_machine(None)
    assert (seen.torch, seen.cuda) == (version("torch"), torch.version.cuda or "")
    assert seen.cxx11_abi in (torch.compiled_with_cxx11_abi(), None)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "cuda:-1", "cpu\n"])
def test_devices_that_do_not_exist_are_refused(name: str) -> None:
    with pytest.raises(ModelRefused, match="no device"):
        capability(name)
