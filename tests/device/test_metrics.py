"""What is read off the machine, with a driver that tells all, one that tells little, and none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from core.device.metrics import Meter, throttle_words


def driver(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> ModuleType:
    """Put a driver where pynvml is; what it has no answer for it does not support."""
    module: Any = ModuleType("pynvml")
    module.NVMLError = type("NVMLError", (Exception,), {})
    module.nvmlInit = module.nvmlShutdown = lambda: None
    module.nvmlDeviceGetCount = lambda: 1
    module.nvmlDeviceGetHandleByIndex = lambda index: index

    def unsupported(*_arguments: Any) -> Any:
        raise module.NVMLError("Not Supported")

    for name in (
        "Name", "MemoryInfo", "UtilizationRates", "PowerUsage", "EnforcedPowerLimit", "Temperature",
        "ClockInfo", "EncoderUtilization", "DecoderUtilization", "PcieThroughput",
        "CurrentClocksEventReasons", "ComputeRunningProcesses", "GraphicsRunningProcesses",
    ):  # fmt: skip
        given = answers.get(name)
        answer = unsupported if given is None else (lambda *_a, given=given: given)
        setattr(module, f"nvmlDeviceGet{name}", answer)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return module  # type: ignore[no-any-return]


def test_everything_a_driver_tells_is_there_in_known_units(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = SimpleNamespace(pid=os.getpid(), usedGpuMemory=3 << 30)
    other = SimpleNamespace(pid=1, usedGpuMemory=5 << 30)
    driver(
        monkeypatch, Name=b"NVIDIA H2\x1b[31m00", MemoryInfo=SimpleNamespace(used=8 << 30,
        total=140 << 30), UtilizationRates=SimpleNamespace(gpu=97, memory=40), PowerUsage=612_000,
        EnforcedPowerLimit=700_000, Temperature=71, ClockInfo=1980, EncoderUtilization=(5, 1),
        DecoderUtilization=(44, 1), PcieThroughput=2048, CurrentClocksEventReasons=0x44,
        ComputeRunningProcesses=[mine, other], GraphicsRunningProcesses=[],
    )  # fmt: skip
    meter = Meter(tmp_path / "not" / "yet")
    [gpu] = meter.read().gpus
    meter.close()
    assert "\x1b" not in gpu.name
    assert (gpu.utilisation, gpu.encoder, gpu.decoder) == (0.97, 0.05, 0.44)
    assert (gpu.power_watts, gpu.power_limit_watts, gpu.temperature_celsius) == (612, 700, 71)
    assert gpu.pcie_received_bytes_per_second == 2048 * 1024
    assert gpu.throttle == ("power cap", "too hot (hardware)")
    assert [(p.pid, p.bytes, p.ours) for p in gpu.processes] == [
        (1, 5 << 30, False), (os.getpid(), 3 << 30, True),
    ]  # fmt: skip


def test_what_a_driver_does_not_tell_is_left_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver(monkeypatch, Name="old card")
    meter = Meter(tmp_path)
    [gpu] = meter.read().gpus
    assert gpu.name == "old card"
    assert (gpu.utilisation, gpu.power_watts, gpu.memory_total_bytes) == (None, None, None)
    assert (gpu.throttle, gpu.processes) == ((), ())


def test_a_driver_that_stops_answering_is_said_and_the_rest_still_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module: Any = driver(monkeypatch, Name="card")
    meter = Meter(tmp_path)

    def lost() -> int:
        raise module.NVMLError("GPU is lost")

    module.nvmlDeviceGetCount = lost
    machine = meter.read()
    assert machine.gpus == ()
    assert "GPU is lost" in machine.gpu_note
    assert machine.memory_total_bytes > 0


def test_without_a_driver_the_machine_shows_what_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module: Any = driver(monkeypatch)

    def none() -> None:
        raise module.NVMLError("Driver Not Loaded")

    module.nvmlInit = none
    meter = Meter(tmp_path)
    machine = meter.read()
    meter.close()
    assert machine.gpu_note == "no NVIDIA GPU to watch: Driver Not Loaded"
    assert machine.cores == os.cpu_count()
    assert 0 < machine.memory_used_bytes < machine.memory_total_bytes
    assert 0 < machine.disk_free_bytes <= machine.disk_total_bytes
    assert machine.engine_memory_bytes > 1 << 20


def test_only_what_a_person_should_know_counts_as_held_down() -> None:
    assert throttle_words(0x1) == ()  # idle
    assert throttle_words(0) == ()
