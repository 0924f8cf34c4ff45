"""Models in memory: one copy, held while used, the longest unused evicted first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.device.memory import Memory
from core.models.protocols import Loading
from core.models.registry import load
from core.models.residency import Residency, key_of
from core.storage.library import Library
from tests.tiny.shelf import tiny_model

GIB = 2**30


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path / "library")
    yield made
    made.close()


def loading(name: str, revision: str = "local-1") -> Loading:
    return Loading(name, "clip", tiny_model("clip"), revision)


def test_one_copy_serves_everybody(library: Library) -> None:
    residency = Residency(library.footprints)
    with residency.lease(loading("a")) as one, residency.lease(loading("a")) as other:
        assert one is other
        assert [(held.name, held.users) for held in residency.held()] == [("a", 2)]
    assert residency.held()[0].users == 0
    residency.close()
    assert residency.held() == []


def test_the_longest_unused_goes_first_and_what_is_held_stays(library: Library) -> None:
    taken: list[str] = []

    def measure(_device: str) -> Memory:
        # Room for two models: what is left shrinks by a gibibyte for each that is resident.
        return Memory((2 - len(residency.held())) * GIB, 2 * GIB)

    def notify(text: str) -> None:
        if "evicted" in text:
            taken.append(text.split(maxsplit=1)[0])

    residency = Residency(library.footprints, measure=measure, notify=notify)
    with residency.lease(loading("held")):
        with residency.lease(loading("old", "local-2")):
            pass
        with residency.lease(loading("new", "local-3")):
            pass
        assert taken == ["old"]
        assert {held.name for held in residency.held()} == {"held", "new"}
    residency.close()


def test_what_a_model_takes_is_measured_and_remembered(library: Library) -> None:
    residency = Residency(library.footprints)
    with residency.lease(loading("a")) as model:
        weighed = model.memory_bytes
    assert weighed > 10_000
    assert library.footprints.bytes_of(key_of(loading("a"))) == weighed
    residency.remember_batch(loading("a"), "embed", 4)
    assert residency.most_at_once(loading("a"), "embed") == 4
    residency.close()
    assert Residency(library.footprints).most_at_once(loading("a"), "embed") == 4
    (known,) = library.footprints.all()
    assert (known.name, known.device, known.bytes) == ("a", "cpu", weighed)
    assert known.batches == {"embed": 4}


def test_one_piece_of_work_at_a_time_on_a_device(library: Library) -> None:
    residency = Residency(library.footprints)
    inside, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.005)
        with lock:
            inside -= 1

    with residency.lease(loading("a")) as model:
        threads = [threading.Thread(target=lambda: residency.run(model, work)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    residency.close()
    assert most == 1


def test_idle_models_make_room_when_the_device_is_full(library: Library) -> None:
    residency = Residency(library.footprints, loader=load)
    tries = 0

    def work() -> str:
        nonlocal tries
        tries += 1
        if len(residency.held()) > 1:
            raise RuntimeError("CUDA error: out of memory")
        return "done"

    with residency.lease(loading("idle", "local-9")):
        pass
    with residency.lease(loading("a")) as model:
        assert residency.run(model, work) == "done"
    assert tries == 2
    residency.close()
