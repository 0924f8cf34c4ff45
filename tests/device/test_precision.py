"""Precision and quantisation: chosen by device, refused before anything is loaded."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from core.device.capability import Capability
from core.device.precision import choose_dtype, torch_dtype
from core.device.quantisation import choose_quantisation, refuse_quantisation
from core.errors import MissingExtra, ModelRefused

CPU = Capability("cpu", "cpu")
AMPERE = Capability("cuda:0", "cuda", (8, 0))
TURING = Capability("cuda:0", "cuda", (7, 5))
APPLE = Capability("mps", "mps")
AMD = Capability("cuda:0", "cuda", (9, 0), rocm=True)


def has(*packages: str) -> bool:
    """Return whether all these packages are installed."""
    try:
        return all(version(package) for package in packages)
    except PackageNotFoundError:
        return False


@pytest.mark.parametrize(
    "device, usual",
    [(CPU, "float32"), (AMPERE, "bfloat16"), (TURING, "float16"), (APPLE, "float32")],
)
def test_auto_goes_by_device(device: Capability, usual: str) -> None:
    assert choose_dtype("auto", device) == usual
    assert choose_dtype("auto", device, exact=True) == "float32"


def test_what_the_device_can_do_is_left_alone() -> None:
    assert choose_dtype("bfloat16", CPU) == "bfloat16"
    assert choose_dtype("float16", TURING) == "float16"
    assert choose_dtype("bfloat16", AMPERE, exact=True) == "bfloat16"
    assert choose_dtype("bfloat16", AMD) == "bfloat16"
    assert str(torch_dtype("bfloat16")) == "torch.bfloat16"


@pytest.mark.parametrize(
    "wanted, device, why",
    [
        ("float16", CPU, "float32"),
        ("bfloat16", TURING, "float16"),
        ("fp8", AMPERE, "there are auto"),
        ("double", AMPERE, "there are auto"),
    ],
)
def test_nonsense_is_refused(wanted: str, device: Capability, why: str) -> None:
    with pytest.raises(ModelRefused, match=why):
        choose_dtype(wanted, device)


def test_no_quantisation_needs_nothing() -> None:
    assert choose_quantisation("none", APPLE, "float32") is None
    refuse_quantisation("none", "sam")


@pytest.mark.parametrize("wanted", ["8bit", "4bit"])
def test_a_device_that_cannot_is_refused(wanted: str) -> None:
    with pytest.raises(ModelRefused, match="mps"):
        choose_quantisation(wanted, APPLE, "float32")
    with pytest.raises(ModelRefused, match="not quantised"):
        refuse_quantisation(wanted, "sam")


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ModelRefused, match="there are none, 8bit, 4bit"):
        choose_quantisation("2bit", CPU, "float32")
    with pytest.raises(ModelRefused, match="there are none, 8bit, 4bit"):
        refuse_quantisation("2bit", "sam")


@pytest.mark.parametrize(
    "wanted, device, packages",
    [
        ("8bit", CPU, ("torchao",)),
        ("8bit", AMPERE, ("bitsandbytes", "accelerate")),
        ("4bit", AMPERE, ("bitsandbytes", "accelerate")),
        ("4bit", CPU, ("bitsandbytes", "accelerate")),
    ],
)
def test_an_absent_package_gives_the_line_that_installs_it(
    wanted: str, device: Capability, packages: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.device import quantisation

    monkeypatch.setattr(quantisation, "_has", lambda name: False)
    with pytest.raises(MissingExtra, match=f"pip install {' '.join(packages)}"):
        choose_quantisation(wanted, device, "bfloat16")


@pytest.mark.skipif(not has("bitsandbytes", "accelerate"), reason="needs bitsandbytes, accelerate")
@pytest.mark.parametrize("wanted", ["8bit", "4bit"])
def test_bitsandbytes_is_configured(wanted: str) -> None:
    made: Any = choose_quantisation(wanted, AMPERE, "bfloat16")
    assert made.placed
    assert (made.config.load_in_8bit, made.config.load_in_4bit) == (
        wanted == "8bit",
        wanted == "4bit",
    )
