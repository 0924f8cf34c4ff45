"""What a model's loading leaves out: the compiler, random weights, packages it does not need."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from core.models import lean_imports
from core.models.protocols import Loading
from core.models.quick_build import without_random_weights
from core.models.registry import load
from tests.lazy import lazy
from tests.tiny.shelf import tiny_model

from .looking import picture

torch = lazy("torch")
EMBEDDING = """
import sys
from pathlib import Path
import numpy as np
from core.models.protocols import Loading
from core.models.registry import load
model = load(Loading("m", sys.argv[1], Path(sys.argv[2]), "local-1"))
vectors = model.embed(model.prepare([np.zeros((70, 90, 3), np.uint8)]))
assert vectors.shape == (1, model.dimension) == model.embed_texts(["a"]).shape
left_out = sys.argv[3].split(",")
sys.exit(f"imported: {[name for name in left_out if name in sys.modules]}"
         if set(left_out) & set(sys.modules) else 0)
"""


@pytest.mark.parametrize(
    ("name", "family", "left_out"),
    [
        ("open_clip", "open_clip", "torch._dynamo,sympy,timm,transformers,huggingface_hub"),
        ("open_clip_convolutions", "open_clip", "torch._dynamo,sympy,transformers"),
        ("siglip", "siglip", "torch._dynamo,torch.distributed.fsdp,torch.distributed.tensor"),
    ],
)
def test_what_a_model_does_not_need_is_not_imported(name: str, family: str, left_out: str) -> None:
    command = [sys.executable, "-c", EMBEDDING, family, str(tiny_model(name)), left_out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_model_that_needs_timm_gets_it_after_one_that_does_not() -> None:
    code = (
        "import sys; from pathlib import Path; from core.models.protocols import Loading;"
        "from core.models.registry import load;"
        "[load(Loading('m', 'open_clip', Path(folder), 'local-1')) for folder in sys.argv[1:]];"
        "import torchvision.ops; assert torchvision.ops.roi_align.__module__;"
        "import torch; assert torch.compiler.disable(len) is not None;"
        "assert torch._dynamo.eval_frame"
    )
    folders = [str(tiny_model(name)) for name in ("open_clip", "open_clip_convolutions")]
    done = subprocess.run(
        [sys.executable, "-c", code, *folders], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_weight_is_that_of_the_file() -> None:
    from safetensors.torch import load_file

    folder = tiny_model("open_clip")
    model: Any = load(Loading("m", "open_clip", folder, "local-1"))
    kept = load_file(folder / "open_clip_model.safetensors")
    state = model._loaded.model.state_dict()
    # The last block is wrapped (first_token.py), so that its weights have another name.
    found = {name.replace(".block.", "."): value for name, value in state.items()}
    for name, value in kept.items():
        torch.testing.assert_close(found[name], value.float())
    assert all(not each.is_meta for each in state.values())
    first = model.embed(model.prepare([picture(1, 70, 90)]))
    model.close()
    again: Any = load(Loading("m", "open_clip", folder, "local-1"))
    np.testing.assert_array_equal(again.embed(again.prepare([picture(1, 70, 90)])), first)
    again.close()


def test_nothing_random_is_drawn() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    with without_random_weights():
        torch.nn.init.trunc_normal_(torch.nn.Linear(8, 8).weight)
        torch.nn.Embedding(8, 8)
        torch.nn.MultiheadAttention(8, 2)
        assert torch.nn.LayerNorm(8).weight.sum() == 8
    assert torch.equal(torch.get_rng_state(), state)


def test_what_stands_in_for_the_compiler_steps_back_when_more_is_asked() -> None:
    code = (
        "import sys, torch; from core.models.lean_imports import COMPILER, without_compiler\n"
        "with without_compiler():\n"
        "    import torch._dynamo\n"
        "    stand_in = sys.modules[COMPILER]\n"
        "    marked = torch.compiler.disable(lambda: 1)\n"
        "    assert marked() == 1 and marked._torchdynamo_disable\n"
        "    assert torch.compiler.disable(reason='none')(marked) is marked\n"
        "    assert torch._dynamo.eval_frame and sys.modules[COMPILER] is not stand_in\n"
        "assert torch._dynamo.config and sys.modules[COMPILER] is not stand_in\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_package_is_left_out_for_one_thread_only() -> None:
    seen: list[str] = []
    finder = lean_imports._LeftOut(["timm"])
    with pytest.raises(ModuleNotFoundError):
        finder.find_spec("timm", None)
    assert finder.find_spec("timm.layers", None) is None
    other = threading.Thread(target=lambda: seen.append(str(finder.find_spec("timm", None))))
    other.start()
    other.join()
    assert seen == ["None"]
