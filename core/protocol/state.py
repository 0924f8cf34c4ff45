"""The state of the engine at one moment. Frozen records, JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of the pipeline: who is slow, who waits."""

    name: str
    batches: int
    busy_seconds: float
    waits_in_seconds: float
    waits_out_seconds: float
    queued: int
    capacity: int


@dataclass(frozen=True, slots=True)
class ProvisionalEvent:
    """What seems to be an event of a video that is still read."""

    kind: str
    seconds: float
    """of its peak"""
    score: float


@dataclass(frozen=True, slots=True)
class TaskState:
    """A source being worked on."""

    number: int
    path: str
    frames_done: int
    frames_total: int | None
    frames_per_second: float
    steps: tuple[StepState, ...] = ()
    provisional_events: tuple[ProvisionalEvent, ...] = ()
    """what was found so far, in order of time: at most 64, the best; the result replaces them"""
    length_seconds: float | None = None
    """of the video, as its file says"""


@dataclass(frozen=True, slots=True)
class ScanState:
    """A scan in this engine."""

    scan: int
    profile: str
    state: str
    sources: int
    finished: int
    failed: int
    moments: int
    tasks: tuple[TaskState, ...] = ()


@dataclass(frozen=True, slots=True)
class JobState:
    """A job of any kind in this engine: `state` is `running`, `paused` or `queued`.

    `done` of `total` units of work are finished; `total` is 0 where it is not known, or where the
    job continues until a user ends it (`standing`).
    """

    number: int
    kind: str
    title: str
    state: str
    done: int = 0
    total: int = 0
    unit: str = ""
    reason: str = ""
    """why it makes no progress; empty if all is well"""
    standing: bool = False
    resource: str = ""
    """jobs that name the same one run one after another; one that names none waits for no other"""


@dataclass(frozen=True, slots=True)
class WatchState:
    """A watched folder: how many of its files are incomplete, how many scans it submitted."""

    folder: str
    profile: str
    growing: int
    scans: int
    trouble: str
    """why nothing can be watched there now; empty if all is well"""
    left_out: str = ""
    """what lies there and is not read, in words"""


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process on a GPU; `ours`: whether it is the engine or a child of it."""

    pid: int
    name: str
    bytes: int
    ours: bool


@dataclass(frozen=True, slots=True)
class GpuState:
    """One GPU now. Shares are 0 to 1; what the driver does not report is None."""

    index: int
    name: str
    utilisation: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    temperature_celsius: float | None = None
    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    encoder: float | None = None
    decoder: float | None = None
    pcie_received_bytes_per_second: float | None = None
    pcie_sent_bytes_per_second: float | None = None
    throttle: tuple[str, ...] = ()
    """why its clocks are throttled, in words; empty when they are not"""
    processes: tuple[GpuProcess, ...] = ()


@dataclass(frozen=True, slots=True)
class MachineState:
    """The machine the engine runs on, now. `gpu_note` says why there is none to show."""

    at_seconds: float
    """seconds since the epoch"""
    cpu: float
    """share of all cores, 0 to 1"""
    cores: int
    memory_used_bytes: int
    memory_total_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    engine_cpu: float
    """cores the engine and its reader processes use"""
    engine_memory_bytes: int
    gpus: tuple[GpuState, ...] = ()
    gpu_note: str = ""


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model in memory."""

    name: str
    device: str
    bytes: int
    leased: bool
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class DownloadState:
    """A model being fetched: `running`, `paused`, `done`, `failed` or `cancelled`."""

    name: str
    state: str
    bytes_done: int
    bytes_total: int
    bytes_per_second: float
    files_done: int
    files_total: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EngineState:
    """Everything now; `sequence` is the number of the last event it includes.

    `jobs` are those that run and wait, of every kind, in the order of the queue; `scans`,
    `downloads` (also those that ended) and `watches` say more about jobs of these kinds.
    """

    sequence: int
    library: str
    scans: tuple[ScanState, ...] = ()
    machine: MachineState | None = None
    models: tuple[ModelState, ...] = ()
    downloads: tuple[DownloadState, ...] = ()
    watches: tuple[WatchState, ...] = ()
    warnings: tuple[str, ...] = ()
    """what the user should know of the library, as that others can read it"""
    pid: int = 0
    version: str = ""
    jobs: tuple[JobState, ...] = ()
