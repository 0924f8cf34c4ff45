"""The machine over time: a sample a second for the last hour, with what ran then."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..protocol.state import EngineState, MachineState

log = logging.getLogger("sightline.monitor")
SECONDS = 1.0
KEPT = 3600


@dataclass(frozen=True, slots=True)
class Sample:
    """One second. `gpus` holds utilisation, memory share, watts and degrees of each GPU."""

    at_seconds: float
    cpu: float
    memory: float
    engine_cpu: float
    gpus: tuple[tuple[float | None, float | None, float | None, float | None], ...]
    scan: int | None
    source: str
    stage: str


class MachineMonitor:
    """Samples the machine in a thread of its own until closed."""

    def __init__(self, library: Path, engine: Callable[[], EngineState]) -> None:
        self.machine: MachineState | None = None
        self._library = library
        self._engine = engine
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sightline-monitor", daemon=True)
        self._thread.start()

    def samples(self, since: float) -> list[dict[str, Any]]:
        """Return the samples after a time (seconds since the epoch), the oldest first."""
        return [asdict(sample) for sample in tuple(self._samples) if sample.at_seconds > since]

    def close(self) -> None:
        """Stop sampling."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        from ..device.metrics import Meter

        meter = Meter(self._library)
        while not self._ended.wait(SECONDS):
            try:
                self.machine = meter.read()
                self._samples.append(_sample(self.machine, self._engine()))
            except Exception:  # a meter that fails must not end the engine, nor fill its log
                log.exception("the machine's metrics could not be read; no further attempts")
                break
        meter.close()


def _sample(machine: MachineState, engine: EngineState) -> Sample:
    scan = next((scan for scan in engine.scans if scan.tasks), None)
    task = scan.tasks[0] if scan else None
    busy = max(task.steps, key=lambda step: step.busy_seconds, default=None) if task else None
    return Sample(
        at_seconds=machine.at_seconds,
        cpu=machine.cpu,
        memory=machine.memory_used_bytes / max(machine.memory_total_bytes, 1),
        engine_cpu=machine.engine_cpu / max(machine.cores, 1),
        gpus=tuple(
            (gpu.utilisation, _share(gpu.memory_used_bytes, gpu.memory_total_bytes),
             gpu.power_watts, gpu.temperature_celsius)
            for gpu in machine.gpus
        ),
        scan=scan.scan if scan else None,
        source=task.path if task else "",
        stage=busy.name if busy else "",
    )  # fmt: skip


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None
