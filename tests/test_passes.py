"""Models that do not fit into memory together: the same answers, in several passes."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.device.memory import Memory
from core.models.residency import Residency
from core.protocol.commands import Mode, SubmitScan
from core.protocol.messages import Message, ScanFinished, Warned
from core.service.client import LocalClient
from core.service.reading import Records
from core.sources.frame_address import open_frame
from tests.tiny.shelf import tiny_model
from tests.workbench import exported


def model_stages() -> dict[str, Any]:
    """Return the settings of a scan by three tiny models."""
    return {
        "stages": ["embed", "detect", "segment"],
        "sampling.mode": "fps",
        "embed.model": str(tiny_model("clip")),
        "detect.model": str(tiny_model("grounding_dino")),
        "detect.labels": ["cat", "tree"],
        "detect.threshold": 0.35,
        "segment.model": str(tiny_model("sam2")),
        "models.batch_size": 4,
    }


class Counted:
    """Residencies as they are, on a device of `room` bytes; `loaded` are the models' names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.loaded: list[str] = []
        self.together = 0
        self._room = room
        self._residencies: list[Residency] = []
        load, begin = Residency._load, Residency.__init__

        def counted(residency: Residency, key: str, loading: Any) -> Any:
            resident = load(residency, key, loading)
            self.loaded.append(Path(loading.name).name)
            self.together = max(self.together, len(residency._residents))
            return resident

        def begun(residency: Residency, *given: Any, **named: Any) -> None:
            begin(residency, *given, **{**named, "measure": self.measured})
            self._residencies.append(residency)

        monkeypatch.setattr(Residency, "_load", counted)
        monkeypatch.setattr(Residency, "__init__", begun)

    def measured(self, _device: str) -> Memory:
        held = sum(each.bytes for residency in self._residencies for each in residency.held())
        return Memory(self._room - held, self._room)


def scanned(
    library: Path, sources: list[Path], mode: Mode = "new", **settings: Any
) -> tuple[list[Message], dict[str, Any]]:
    """Return what happened, and for every source what was said about its frames."""

    async def run() -> list[Message]:
        client = await LocalClient.open(library)
        try:
            paths = tuple(str(each) for each in sources)
            scan = await client.send(
                SubmitScan(paths, "quick", model_stages() | settings, mode=mode)
            )
            seen = []
            async for _, event in client.events(0):
                seen.append(event)
                if isinstance(event, ScanFinished) and event.scan == scan:
                    return seen
            raise AssertionError
        finally:
            await client.close()

    events = asyncio.run(run())
    records = Records.open(library)
    try:
        scan = records.scans()[0].scan
        written = exported(library, scan, ("json", "vectors", "coco"), library / f"out-{scan}")
    finally:
        records.close()
    return events, {each.name: said_in(each) for each in written if "summary" not in each.name}


def said_in(file: Path) -> Any:
    if file.suffix == ".npz":
        return {name: values.tolist() for name, values in np.load(file).items() if name != "boxes"}
    body = json.loads(file.read_text())
    return body["looks"] if "looks" in body else body["annotations"]


def test_the_same_answers_with_each_model_loaded_once_a_pass(
    tmp_path: Path, pictures: Path, storm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [pictures, storm]
    with monkeypatch.context() as patch:
        roomy = Counted(patch, 2**40)
        events, wanted = scanned(tmp_path / "roomy", sources)
        assert sorted(roomy.loaded) == ["clip", "grounding_dino", "sam2"] and roomy.together == 3
        assert not [e for e in events if isinstance(e, Warned) and "together" in e.text]
    cramped = Counted(monkeypatch, 1_200_000)
    events, got = scanned(tmp_path / "cramped", sources)
    assert cramped.together == 2
    # Once to learn what each is, then once in its pass.
    assert sorted(cramped.loaded) == ["clip", "clip", "grounding_dino", "grounding_dino",
                                      "sam2", "sam2"]  # fmt: skip
    report = [e.text for e in events if isinstance(e, Warned)]
    assert any("2 times, for detect, then segment and embed" in text for text in report), report
    assert len(got) == len(wanted) > 2
    assert got == wanted
    vectors = sum(len(said["labels"]) for name, said in got.items() if name.endswith(".npz"))
    boxes = sum(len(said) for name, said in got.items() if name.endswith(".coco.json"))
    assert vectors > boxes > 10
    check_objects(tmp_path / "roomy", tmp_path / "objects")


def check_objects(library: Path, out: Path) -> None:
    """What other tools are given of objects fits together, and to the frames it is about."""
    exported(library, 1, ("coco", "masks", "yolo", "csv"), out)
    coco = json.loads((out / "scan.coco.json").read_text())
    images = {each["id"]: each for each in coco["images"]}
    masks = 0
    for path in out.glob("*.masks.npz"):
        with np.load(path) as arrays:
            masks += len(arrays["labels"])
    assert masks == len(coco["annotations"])
    for each in coco["annotations"]:
        size = images[each["image_id"]]["height"], images[each["image_id"]]["width"]
        assert tuple(each["segmentation"]["size"]) == size
        assert each["area"] == sum(each["segmentation"]["counts"][1::2])
    labels = sorted((out / "scan.yolo" / "labels").iterdir())
    inside = [
        each for each in coco["annotations"] if lies_in(each["bbox"], images[each["image_id"]])
    ]
    assert sum(len(path.read_text().splitlines()) for path in labels) == len(inside) > 10
    pictures = sorted((out / "scan.yolo" / "images").iterdir())
    assert [path.stem for path in pictures] == [path.stem for path in labels]
    sizes = {(each["width"], each["height"]) for each in images.values()}
    assert {Image.open(BytesIO(path.read_bytes())).size for path in pictures} == sizes
    framed = next(each for each in images.values() if "#frame=" in each["file_name"])
    shown = open_frame(framed["file_name"], framed["seconds"])
    assert shown.shape == (framed["height"], framed["width"], 3)
    rows = (out / "scan.csv").read_text() + (out / "storm.mp4.csv").read_text()
    assert rows.count(",object,detect,") == len(coco["annotations"])


def lies_in(box: list[float], image: dict[str, Any]) -> bool:
    """Return whether a part of a box lies in its image: detectors place some beside it."""
    x, y, width, height = box
    across = min(x + width, image["width"]) - max(x, 0)
    down = min(y + height, image["height"]) - max(y, 0)
    return bool(across > 0 and down > 0)


def test_asking_anew_asks_each_question_once(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cramped = Counted(monkeypatch, 1_200_000)
    _, wanted = scanned(tmp_path, [pictures])
    cramped.loaded.clear()
    _, got = scanned(tmp_path, [pictures], "redo")
    # What each is, is known by now; a model loaded again would have been asked out of its turn.
    assert sorted(cramped.loaded) == ["clip", "grounding_dino", "sam2"]
    assert got == wanted


def test_every_pass_keeps_the_same_frames_from_its_models(
    tmp_path: Path, pictures: Path, storm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [pictures, storm]
    gated: dict[str, Any] = {
        "stages": ["quality", "dedupe", "embed", "detect"],
        "models.gate": ["dedupe"],
        "embed.gate": ["quality.dark", "dedupe"],
    }
    with monkeypatch.context() as patch:
        Counted(patch, 2**40)
        _, wanted = scanned(tmp_path / "roomy", sources, **gated)
    cramped = Counted(monkeypatch, 600_000)
    _, got = scanned(tmp_path / "cramped", sources, **gated)
    assert cramped.together == 1
    assert got == wanted
    looks = [look for name, said in got.items() if name.endswith("mp4.json") for look in said]
    kept_away = [each["stage"] for look in looks for each in look.get("gated", ())]
    assert kept_away.count("embed") >= kept_away.count("detect") > len(looks) / 2
    assert kept_away.count("detect") < len(looks), "the first of its kind is shown"
