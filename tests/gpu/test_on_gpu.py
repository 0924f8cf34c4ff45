"""What only a GPU can show: precision, attention, running out of memory for real, NVML, decoding.

`make gpu` runs these and then `python -m benchmarks gpu`, which measures the same parts with models
of published sizes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.gpu.loading import embedded, least_cosine
from benchmarks.gpu.part import PARTS, Setup, perform
from core.device.capability import AMPERE, capability
from core.models.protocols import Loading
from core.models.registry import load

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def gpu_models(on_gpu: Setup) -> Setup:
    built = perform("models", on_gpu)
    assert built["state"] == "measured", built
    return on_gpu


@pytest.mark.parametrize("name", [name for name in PARTS if name != "models"])
def test_each_part_works_on_the_gpu(gpu_models: Setup, name: str) -> None:
    found = perform(name, gpu_models)
    assert found["state"] in ("measured", "skipped"), found
    assert found["figures"] or found["why"]


def test_auto_is_the_gpu_and_its_own_precision(gpu_models: Setup) -> None:
    model: Any = load(Loading("auto", "siglip", gpu_models.siglip, "local-gpu", gpu_models.device))
    try:
        newer = (capability(gpu_models.device).compute or (0, 0)) >= AMPERE
        assert model.identity.dtype == ("bfloat16" if newer else "float16")
        assert str(next(model._loaded.model.parameters()).device) == gpu_models.device
    finally:
        model.close()


def test_the_gpu_embeds_as_the_cpu_does(gpu_models: Setup) -> None:
    here, _ = embedded(gpu_models, "float32", "sdpa")
    cpu = Setup(gpu_models.folder, gpu_models.out, "cpu", tiny=True)
    there, _ = embedded(cpu, "float32", "sdpa")
    assert least_cosine(here, there) > 0.9999
    assert np.allclose(np.linalg.norm(here, axis=1), 1, atol=1e-4)
    half, _ = embedded(gpu_models, "bfloat16", "sdpa")
    assert least_cosine(here, half) > 0.99


def test_closing_a_model_frees_the_gpu(gpu_models: Setup) -> None:
    import torch

    embedded(gpu_models, "float32", "sdpa")  # workspaces of the first call stay
    before = torch.cuda.memory_allocated(gpu_models.device)
    embedded(gpu_models, "float32", "sdpa")
    assert torch.cuda.memory_allocated(gpu_models.device) <= before + 2**20
