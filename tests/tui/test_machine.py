"""Models, GPU, profiles and log as one sees them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from core.config.profiles import create, user_folder
from core.hub.hub import Hub
from core.protocol.commands import SubmitScan
from tests.hub.conftest import local_hub, model_files
from tests.hub.local_hub import LocalHub
from tests.hub.test_layouts import snapshot
from tests.tui.viewing import Viewer, look, wishes
from tui.screens.profiles import ProfilesScreen

__all__ = ["local_hub"]
NVML = """
from types import SimpleNamespace as N
class NVMLError(Exception): pass
def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(i): return i
def nvmlDeviceGetName(h): return "NVIDIA H2\\x1b[31m00"
def nvmlDeviceGetMemoryInfo(h): return N(total=140 << 30, used=112 << 30, free=28 << 30)
def nvmlDeviceGetUtilizationRates(h): return N(gpu=98 - 60 * h, memory=40)
def nvmlDeviceGetPowerUsage(h): return 612000
def nvmlDeviceGetEnforcedPowerLimit(h): return 700000
def nvmlDeviceGetTemperature(h, kind): return 71
def nvmlDeviceGetClockInfo(h, kind): return 1980
def nvmlDeviceGetCurrentClocksEventReasons(h): return 4
def nvmlDeviceGetComputeRunningProcesses(h): return [N(pid=1, usedGpuMemory=13 << 30)]
"""


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_models_are_listed_sorted_and_described(found: Path, size: tuple[int, int]) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("5", "models")
        await viewer.sees("siglip2-base", "embedder", "google/siglip2-base")
        await viewer.press("s")
        await viewer.type("name desc")
        await viewer.press("enter", "g")
        await viewer.sees("MODEL\u25bc")
        await viewer.until(lambda: "siglip2-base" not in viewer.row())
        await viewer.press("enter")
        await viewer.sees("repo: ", "kind: ")
        await viewer.press("escape", "right_square_bracket")
        await viewer.sees("COMMIT", "Verified combinations")

    look(wishes(found), run, size)


def test_a_model_is_fetched_held_let_go_on_and_cancelled(
    library: Path, local_hub: LocalHub
) -> None:
    repo = "google/siglip2-base-patch16-224"
    files = model_files(mebibytes=3, model_type="siglip") | {"vocab.txt": b"a\n"}
    local_hub.add(repo, files)
    local_hub.faults.bytes_per_second = 600_000

    async def run(viewer: Viewer) -> None:
        await viewer.go("5", "models")
        await viewer.sees("siglip2-base", "no downloads")
        await viewer.press("slash")
        await viewer.type("siglip2-base")
        await viewer.press("enter", "D")
        await viewer.sees("running", "K/s  left", "% runni")
        await viewer.press("p")
        await viewer.sees("held", "paused")
        await viewer.press("p")
        await viewer.sees("resumed")
        await viewer.press("x")
        await viewer.sees("cancelled")
        local_hub.faults.bytes_per_second = 0
        await viewer.press("D")
        await viewer.sees("done", "here", "100%")
        await viewer.sees("pinned to ")
        await viewer.press("P")
        await viewer.sees("is no longer pinned")
        await viewer.press("X")
        await viewer.sees("from this disk?", "Keep it")
        await viewer.press("down", "enter")
        await viewer.sees("deleted")

    look(wishes(library), run, (120, 30))


def test_what_is_on_this_disk_and_no_model_is_named(library: Path, local_hub: LocalHub) -> None:
    adapter = {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x" * 9000}
    local_hub.add("org/adapter", adapter)
    snapshot(Hub().cache, "org/adapter", adapter)

    async def run(viewer: Viewer) -> None:
        await viewer.go("5", "models")
        await viewer.press("slash")
        await viewer.type("org/adapter")
        await viewer.press("enter")
        await viewer.sees("no model", "on this disk: is an adapter (PEFT)")
        await viewer.press("D")
        await viewer.sees("FAILED", "failed: org/adapter is an adapter (PEFT), not a whole model")

    look(wishes(library), run, (160, 30))


def test_a_machine_without_gpu_shows_what_it_has_and_when(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("6", "gpu")
        await viewer.sees("CPU ", "memory", "disk", "no process on any GPU", "the last 5m")
        await viewer.until(lambda: len(viewer.current_screen._samples) > 1)
        await viewer.press("less_than_sign")
        await viewer.sees("nothing was running")
        await viewer.press("l")
        await viewer.sees("goes back in time")
        await viewer.press("t", "s")
        await viewer.sees("the last 15m", "our processes")

    look(wishes(found), run)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_two_gpus_are_shown_with_their_processes(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / "pynvml.py").write_text(NVML)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "driver"))

    async def run(viewer: Viewer) -> None:
        await viewer.go("6", "gpu")
        await viewer.sees("GPU 0  NVIDIA H2", "98%", "112G/140G", "612W of 700W", "power cap")
        await viewer.sees("other")
        await viewer.until(lambda: len(viewer.current_screen._graphs()) == 3)

    look(wishes(library), run, size)


def test_a_profile_is_made_edited_with_words_beside_the_field_and_saved(found: Path) -> None:
    create("mine", "storm")
    path = user_folder() / "mine.toml"
    path.write_text(path.read_text() + "\n# keep this\n[flash]\nsensitivity = 0.4  # and this\n")

    async def run(viewer: Viewer) -> None:
        await viewer.go("7", "profiles")
        assert isinstance(viewer.current_screen, ProfilesScreen)
        await viewer.sees("describe", "storm")
        await viewer.press("e")
        await viewer.sees("presets cannot be changed")
        while "mine" not in viewer.row():
            await viewer.press("j")
        await viewer.press("slash")
        await viewer.type("flash.sens")
        await viewer.press("enter", "tab")
        await viewer.sees("flash.sensitivity")
        await viewer.press("e", "ctrl+u")
        await viewer.type("7")
        await viewer.press("enter")
        await viewer.sees("must be at most 1")
        await viewer.press("w")
        await viewer.sees("not saved")
        await viewer.press("e", "ctrl+u")
        await viewer.type("0.6")
        await viewer.press("enter")
        await viewer.sees("1 edited, w saves", "edited")
        await viewer.press("w")
        await viewer.sees("saved to")

    look(wishes(found), run, (120, 30))
    text = path.read_text()
    assert "# keep this" in text and "sensitivity = 0.6  # and this" in text


def test_profiles_are_made_used_compared_and_deleted(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("7", "profiles")
        await viewer.press("G", "space", "k", "space", "equals_sign")
        await viewer.sees("1 setting differs", "FIRST", "SECOND")
        await viewer.press("escape", "U", "g", "a")
        await viewer.sees("my-describe")
        await viewer.press("enter")
        await viewer.sees("tab to its settings")
        await viewer.press("u")
        await viewer.sees("new scans use my-describe")
        await viewer.press("t")
        await viewer.sees("Add files or folders", "profile my-describe")
        await viewer.press("escape", "X")
        await viewer.sees("Delete the profile my-describe?")
        await viewer.press("down", "enter")
        await viewer.sees("deleted")

    look(wishes(found), run)
    assert not os.path.exists(user_folder() / "my-describe.toml")


def test_the_log_is_filtered_followed_and_read_whole(own: Path) -> None:
    own.joinpath("engine.log").write_text(
        "".join(
            f"2026-11-21 10:00:{n:02d},000 {level} sightline.engine 'line {n} {'word ' * 60}end'\n"
            for n, level in enumerate(("DEBUG", "INFO", "WARNING", "ERROR") * 10)
        )
    )

    async def run(viewer: Viewer) -> None:
        await viewer.go("8", "log")
        await viewer.sees("INFO and above", "listening")
        assert viewer.table.cursor_index == viewer.table.row_count - 1
        await viewer.press("l", "l")
        await viewer.sees("ERROR and above")
        await viewer.until(lambda: viewer.table.row_count == 10)
        await viewer.press("slash")
        await viewer.type("39")
        await viewer.press("enter")
        await viewer.until(lambda: viewer.table.row_count == 1)
        await viewer.press("enter")
        await viewer.sees("word end")
        await viewer.press("escape", "escape", "g", "F")
        await viewer.until(lambda: viewer.table.cursor_index == 9)

    look(wishes(own), run)


def test_the_time_cursor_says_which_scan_and_stage_ran_then(library: Path, endless: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.app.submit(SubmitScan((str(endless),), "storm", {"run.batch_size": 2}))
        await viewer.go("6", "gpu")
        await viewer.until(lambda: len(viewer.app.bridge.events) > 40)
        # The machine is sampled once a second: a moment at which the scan had steps comes.
        for _ in range(60):
            await viewer.press("l", "<")
            if viewer.shows("scan 1: c-endless.mp4  slowest: "):
                break
            await asyncio.sleep(0.5)
        await viewer.sees("scan 1: c-endless.mp4", "slowest: ")
        await viewer.press("l")
        await viewer.sees("< goes back in time")

    look(wishes(library), run, (120, 30))
