"""One part of the GPU checks, in a process of its own: a crash or a full GPU ends only that part.

`python -m benchmarks.gpu.part NAME --folder DIR --out DIR --device cuda:0 [--tiny]` writes its
result to OUT/NAME.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

State = Literal["ok", "missed", "measured", "skipped", "failed"]
"""`missed` ran and did not reach what is wanted; `measured` has nothing that is wanted"""


@dataclass(frozen=True, slots=True)
class Setup:
    """Where and how large: `folder` has models, pictures and libraries, `out` what is kept.

    `device` is "cuda:0" or, for trying the scripts, "cpu". With `tiny`, sizes say nothing about
    speed, and nothing is compared with what is wanted.
    """

    folder: Path
    out: Path
    device: str
    tiny: bool

    @property
    def is_cuda(self) -> bool:
        """Return whether this is about an NVIDIA GPU."""
        return self.device.startswith("cuda")

    def of(self, full: int, tiny: int) -> int:
        """Return a number for a whole run or for a tiny one."""
        return tiny if self.tiny else full

    @property
    def siglip(self) -> Path:
        """Return the folder of the embedder."""
        return self.folder / "siglip2-so400m-size"

    @property
    def qwen(self) -> Path:
        """Return the folder of the VLM."""
        return self.folder / "qwen3-vl-2b-size"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a part measured; `reached` is None where nothing is wanted."""

    figures: dict[str, Any] = field(default_factory=dict)
    wanted: str = ""
    reached: bool | None = None
    skipped: str = ""


class PartFailed(Exception):
    """A part ran, and what it checks does not hold."""


def need(true: Any, otherwise: str) -> None:
    """Raise PartFailed unless something holds."""
    if not true:
        raise PartFailed(otherwise)


PARTS: dict[str, str] = {
    "machine": "benchmarks.gpu.machine:machine",
    "models": "benchmarks.gpu.speed:models",
    "embed": "benchmarks.gpu.speed:embed",
    "vlm": "benchmarks.gpu.speed:vlm",
    "out-of-memory": "benchmarks.gpu.memory:out_of_memory",
    "two-stages": "benchmarks.gpu.speed:two_stages",
    "screen": "benchmarks.gpu.screen:screen",
    "attention": "benchmarks.gpu.loading:attention",
    "precision": "benchmarks.gpu.loading:precision",
    "decoder": "benchmarks.gpu.decoder:decoder",
    "embed-batches": "benchmarks.gpu.speed:embed_batches",
    "vlm-batches": "benchmarks.gpu.speed:vlm_batches",
}
"""every part by name, what matters most first: the time may be used up before the last"""


def perform(name: str, setup: Setup) -> dict[str, Any]:
    """Run a part and return its row; what it raises becomes a row with state failed."""
    began = time.perf_counter()
    try:
        outcome, why = _function(name)(setup), ""
    except Exception as error:  # one part must not stop the others
        traceback.print_exc()
        outcome, why = Outcome(), f"{type(error).__name__}: {error}"[:400]
    seconds = round(time.perf_counter() - began, 1)
    state = "failed" if why else _state(outcome, setup)
    return row(name, state, seconds, why or outcome.skipped, outcome)


def row(
    name: str, state: str, seconds: float, why: str = "", outcome: Outcome | None = None
) -> dict[str, Any]:
    """Return what is printed and kept of a part."""
    found = outcome or Outcome()
    return {
        "part": name, "state": state, "seconds": seconds, "wanted": found.wanted, "why": why,
        "figures": found.figures,
    }  # fmt: skip


def _function(name: str) -> Callable[[Setup], Outcome]:
    module, _, function = PARTS[name].partition(":")
    found: Callable[[Setup], Outcome] = getattr(import_module(module), function)
    return found


def _state(outcome: Outcome, setup: Setup) -> State:
    if outcome.skipped:
        return "skipped"
    if outcome.reached is None or setup.tiny:
        return "measured"
    return "ok" if outcome.reached else "missed"


def main() -> None:
    """Run the part that is named."""
    parser = argparse.ArgumentParser(prog="benchmarks.gpu.part")
    parser.add_argument("name", choices=list(PARTS))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    os.environ.setdefault("SIGHTLINE_CONFIG", str(asked.folder / "config"))
    found = perform(asked.name, Setup(asked.folder, asked.out, asked.device, asked.tiny))
    (asked.out / f"{asked.name}.json").write_text(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
