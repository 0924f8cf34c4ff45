"""A model is tried before it is called verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.models.smoke_test import smoke
from tests.models.vlm.asking import copied
from tests.models.vlm.conftest import Served
from tests.tiny.shelf import tiny_model


@dataclass(frozen=True)
class FoundFile:
    family: str
    folder: Path | None
    name: str = "tiny/model"
    revision: str = "local-test"
    remote_code: bool = False
    url: str = ""
    weights: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("family", "name", "attn"),
    [
        ("siglip", "siglip", ("sdpa", "eager")),
        ("owlv2", "owlv2", None),
        ("yolos", "yolos", ("sdpa", "eager")),
        ("sam2", "sam2", ("sdpa", "eager")),
        ("chat", "qwen3_vl", ("sdpa", "eager")),
        ("florence2", "florence2", ("sdpa", "eager")),
    ],
)
def test_every_kind_of_model(family: str, name: str, attn: tuple[str, ...] | None) -> None:
    report = smoke(FoundFile(family, tiny_model(name)))
    assert (report.failure, report.device, report.dtype) == ("", "cpu", "float32")
    assert report.attn == attn if attn else report.attn


def test_an_endpoint(served: Served) -> None:
    report = smoke(FoundFile("endpoint", None, name=served.name, url=served.url))
    assert (report.failure, report.device) == ("", "endpoint")


def test_what_does_not_load_is_said_in_one_line(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    (folder / "model.safetensors").unlink()
    report = smoke(FoundFile("chat", folder))
    assert report.attn == () and "lacks weights" in report.failure
    assert "\n" not in report.failure


def test_what_comes_out_is_looked_at(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = copied("siglip", tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights = {name: one.fill_(float("nan")) for name, one in weights.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    report = smoke(FoundFile("siglip", folder))
    assert report.attn == () and "not numbers" in report.failure


def test_another_family(tmp_path: Path) -> None:
    report = smoke(FoundFile("florence2", tiny_model("siglip")))
    assert report.attn == () and "of another model" in report.failure
