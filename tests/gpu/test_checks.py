"""The GPU checks themselves, tried on the CPU: they must work when a GPU is there at last."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import checks, memory, presence, screen
from benchmarks.gpu.part import PARTS, Outcome, PartFailed, Setup, need, perform, row
from benchmarks.measure import ROOT
from core.config.profiles import resolve
from core.models.protocols import Loading
from core.models.residency import Residency
from core.protocol.state import GpuProcess, GpuState, MachineState
from core.storage.library import Library
from tests.lazy import lazy

sizes = lazy("benchmarks.gpu.models")
torch = lazy("torch")


@pytest.fixture(scope="module")
def built(on_cpu: Setup) -> Setup:
    found = perform("models", on_cpu)
    assert found["state"] == "measured" and len(found["figures"]) == 4, found
    return on_cpu


@pytest.mark.parametrize("name", [name for name in PARTS if name != "models"])
def test_every_part_runs_on_the_cpu_with_tiny_models(built: Setup, name: str) -> None:
    found = perform(name, built)
    assert found["state"] == "measured" or (name == "decoder" and found["why"]), found
    expected(name, found["figures"], built)


def expected(name: str, figures: dict[str, Any], setup: Setup) -> None:
    """What a part must say; how fast a tiny model is on this machine is left open."""
    if name in ("embed", "vlm", "two-stages"):
        assert 0 < figures["share"] < 1.5 and figures["frames"] == (6 if name == "embed" else 2)
    elif name.endswith("-batches"):
        count = 4 if name == "embed-batches" else 2
        assert f"same {count} of {count}" in figures["batch 2"]
    elif name == "out-of-memory":
        assert figures["limit"] == "simulated (CPU)" and figures["halvings"] > 0
        assert figures["pictures answered"] == "8 of 8"
    elif name == "attention":
        assert "cosine" in figures["eager"]
        assert figures["flash_attention_2"].startswith("not tried: ")
    elif name == "precision":
        assert figures["least cosine"] > 0.99
    elif name == "screen":
        for suffix, begins in ((".svg", b"<svg"), (".png", b"\x89PNG")):
            assert (setup.out / f"gpu-none{suffix}").read_bytes().startswith(begins)


def test_the_published_sizes_are_what_the_models_names_say() -> None:
    """Nothing is allocated: the networks are built on the meta device."""
    transformers: Any = import_module("transformers")
    with torch.device("meta"):
        embedder = transformers.SiglipModel(sizes.siglip_config(sizes.SIGLIP2_SO400M))
        vlm = transformers.Qwen3VLForConditionalGeneration(sizes.qwen_config(sizes.QWEN3_VL_2B))
    towers = embedder.vision_model, embedder.text_model.encoder
    vision, _ = (sum(p.numel() for p in tower.parameters()) for tower in towers)
    assert 400e6 < vision < 440e6, "so400m: about 400 million in the vision tower"
    assert 2.0e9 < sum(p.numel() for p in vlm.parameters()) < 2.3e9


def test_the_limit_of_memory_is_that_of_a_part_of_the_batch_and_is_lifted_again(
    built: Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The counters of a GPU of 1,000,000 bytes: 400,000 reserved, 2,000 for each of 8 pictures."""
    limits: list[float] = []
    counters = {"memory_allocated": 300_000, "max_memory_allocated": 316_000,
                "memory_reserved": 400_000, "mem_get_info": (0, 1_000_000),
                "reset_peak_memory_stats": None, "empty_cache": None}  # fmt: skip
    for name, value in counters.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, found=value: found)
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda share, _device: limits.append(share)
    )
    with closing(Library(tmp_path / "library")) as library:
        residency = Residency(library.footprints)
        loading = Loading("e", "siglip", built.siglip, "local-1")
        setup = Setup(built.folder, built.out, "cuda:0", tiny=True)
        with memory._limited(setup, residency, loading, 16):
            assert limits == [pytest.approx(0.4 + 1.5 * 16 * 2_000 / 1_000_000)]
        residency.close()
    assert limits[1:] == [1.0]


def test_the_gpu_screen_needs_use_and_memory_and_shows_the_card() -> None:
    gpu = GpuState(0, "NVIDIA H200", 0.97, 9 << 30, 140 << 30, 612.0,
                   processes=(GpuProcess(1, "python", 9 << 30, ours=True),))  # fmt: skip
    machine = MachineState(0.0, 0.5, 16, 1, 2, 1, 2, 1.0, 1, (gpu,))
    found = screen._outcome(machine, "<svg>GPU&#160;0&#160;NVIDIA&#160;H200</svg>", {}, busy=True)
    assert found.reached and found.figures["our processes"] == 1
    assert found.figures["power watts"] == 612.0 and found.figures["temperature celsius"] is None
    idle = replace(machine, gpus=(replace(gpu, utilisation=0.0),))
    assert screen._outcome(idle, "NVIDIA", {}, busy=True).reached is False
    with pytest.raises(PartFailed, match="does not show NVIDIA H200"):
        screen._outcome(machine, "<svg></svg>", {}, busy=True)
    with pytest.raises(PartFailed, match="no driver"):
        screen._outcome(replace(machine, gpus=(), gpu_note="no driver"), "", {}, busy=True)


def test_the_scan_that_uses_the_gpu_has_settings_that_exist(built: Setup) -> None:
    sent: list[Any] = []

    class Client:
        async def send(self, command: Any) -> None:
            sent.append(command)

    asyncio.run(screen._submit(built, Client()))
    spec = resolve(sent[0].profile, sent[0].overrides)
    assert spec.stages == ("caption",) and spec.vlm.model == str(built.qwen)


def test_every_number_that_a_model_may_answer_has_a_word(built: Setup) -> None:
    transformers: Any = import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(built.qwen, local_files_only=True)
    size = sizes.TINY_QWEN["text"]["vocab_size"]
    assert len(tokenizer) == size
    words = [tokenizer.decode([number]) for number in range(size)]
    assert words[500] == " w500" and all(words)
    assert (
        tokenizer.image_token_id < 384
        and tokenizer.decode(tokenizer("a cat")["input_ids"]) == "a cat"
    )


def test_a_part_that_fails_hangs_or_dies_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = {
        "machine": "import json, pathlib; pathlib.Path({to!r}).write_text(json.dumps({row!r}))",
        "models": "import sys; sys.exit('the driver went away')",
        "embed": "import time; print('began', flush=True); time.sleep(600)",
        "vlm": "import os; os.abort()",
    }
    good = row("machine", "ok", 0.5, outcome=Outcome({"share": 0.912345, "card": "A|B"}, ">= 0.9"))

    def command(name: str, _folder: Path, out: Path, *, tiny: bool) -> list[str]:
        assert tiny
        code = programs[name].format(to=str(out / f"{name}.json"), row=good)
        return [sys.executable, "-c", code]

    monkeypatch.setattr(checks, "command", command)
    monkeypatch.setattr(checks, "BOXES", {**checks.BOXES, "embed": 2.0})
    monkeypatch.setattr(checks, "LEAST_SECONDS", 1.0)
    rows = checks.run_all(list(programs), tmp_path, tmp_path, 600, tiny=True)
    assert [each["state"] for each in rows] == ["ok", "failed", "failed", "failed"]
    assert "the driver went away" in rows[1]["why"]
    assert rows[2]["why"].startswith("not done within 2 s: ")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| part |") and len(lines) == 2 + 2 * len(programs)
    assert json.loads(lines[2]) == good
    assert lines[3] == "| machine | share: 0.9123; card: A/B | >= 0.9 | ok | 0.5 |"
    logs = sorted(path.name for path in tmp_path.iterdir() if path.suffix in (".log", ".json"))
    assert logs == ["embed.log", "models.log", "vlm.log"], "only of parts that failed"
    kept = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert kept == rows
    assert len((tmp_path / "results.md").read_text().splitlines()) == 2 + len(programs)


def test_parts_for_which_no_time_is_left_are_named(tmp_path: Path) -> None:
    (found,) = checks.run_all(["machine"], tmp_path, tmp_path, 0.0, tiny=True)
    assert found["state"] == "not run" and "time" in found["why"]


def test_what_a_part_raises_is_its_row(on_cpu: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_setup: Setup) -> Outcome:
        need(False, "2 of 8 pictures answered")
        return Outcome()

    monkeypatch.setattr("benchmarks.gpu.machine.machine", broken)
    found = perform("machine", on_cpu)
    assert found["state"] == "failed" and found["why"] == "PartFailed: 2 of 8 pictures answered"
    assert issubclass(PartFailed, Exception)


def test_what_is_wanted_is_judged_only_at_full_size(
    on_cpu: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Setup(on_cpu.folder, on_cpu.out, "cpu", tiny=False)
    for reached, state in ((True, "ok"), (False, "missed"), (None, "measured")):
        outcome = Outcome({"share": 0.5}, "share >= 0.90", reached)
        monkeypatch.setattr("benchmarks.gpu.machine.machine", lambda _setup, found=outcome: found)
        assert perform("machine", full)["state"] == state
        assert perform("machine", on_cpu)["state"] == "measured"


def test_without_a_gpu_nothing_is_measured_and_a_promise_makes_that_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "gpu_fault", lambda: "no driver")
    monkeypatch.setattr(checks, "run_all", lambda *_: pytest.fail("began without a GPU"))
    monkeypatch.delenv(presence.PROMISE, raising=False)
    checks.main([])
    assert "no driver" in capsys.readouterr().out
    for value, fails in (("1", True), ("yes", True), ("0", False), ("", False)):
        monkeypatch.setenv(presence.PROMISE, value)
        assert presence.promised() is fails
        if fails:
            with pytest.raises(SystemExit, match="promises a GPU"):
                checks.main([])


def test_without_a_gpu_its_tests_are_skipped_and_fail_where_one_was_promised(
    tmp_path: Path,
) -> None:
    """One real run each of pytest; a torch that sees no GPU takes the place of the real one."""
    (tmp_path / "torch.py").write_text(
        "class cuda:\n    is_available = staticmethod(lambda: False)\n"
        "class version:\n    cuda, hip = '13.0', None\n__version__ = '2.15.0'\n"
    )
    (tmp_path / "pynvml.py").write_text(
        "class NVMLError(Exception): pass\ndef nvmlInit(): raise NVMLError('none')\n"
    )
    here = {k: v for k, v in os.environ.items() if k != presence.PROMISE}
    for promise, code, words in (
        ({}, 0, "no NVIDIA driver with a GPU answers"),
        ({presence.PROMISE: "1"}, 1, "SIGHTLINE_GPU promises a GPU: no device cuda:0"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "gpu",
             "tests/gpu/test_on_gpu.py", "-k", "auto"],
            cwd=ROOT, env={**here, **promise, "PYTHONPATH": str(tmp_path)}, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        assert words in done.stdout
