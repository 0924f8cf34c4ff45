"""A hub of one's own, and a cache and settings that belong to the test."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.hub.hub import Hub
from core.hub.wire import HubTimeouts
from tests.hub.local_hub import LocalHub

QUICK = HubTimeouts(retries=3, first_wait_seconds=0.02, longest_wait_seconds=2.0, read_seconds=5.0)
MEBIBYTE = 1 << 20


def model_files(
    seed: int = 0, mebibytes: float = 1.0, model_type: str = "yolos"
) -> dict[str, bytes]:
    """Files with the names of a model's; what is in the weights is noise."""
    noise = random.Random(seed).randbytes(int(mebibytes * MEBIBYTE))
    return {
        "config.json": b'{"model_type": "%s"}' % model_type.encode(),
        "preprocessor_config.json": b"{}",
        "model.safetensors": noise,
        "README.md": b"not needed",
        "pytorch_model.bin": noise[:5000],
        "original/weights.safetensors": noise[:6000],
    }


@pytest.fixture
def local_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalHub]:
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "SIGHTLINE_OFFLINE",
                 "TRANSFORMERS_OFFLINE", "MINICPM_REVISION", "HUGGINGFACE_HUB_CACHE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    with LocalHub() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        yield made


@pytest.fixture
def hub(local_hub: LocalHub) -> Hub:
    return Hub(patience=QUICK)
