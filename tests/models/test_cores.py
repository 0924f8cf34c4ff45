"""A batch on a CPU, each core a part of it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from core.models.cpu_batches import LEAST, ParallelBatches
from tests.lazy import lazy
from tests.tiny.shelf import tiny_model

from .looking import load, picture

torch = lazy("torch")


@pytest.fixture(autouse=True)
def two_cores() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def ours() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("sightline-cores")]


def test_parts_come_back_in_order_and_every_other_thread_keeps_its_cores() -> None:
    cores = ParallelBatches("cpu")
    seen: list[tuple[str, int, int]] = []

    def work(part: Any) -> Any:
        seen.append((threading.current_thread().name, torch.get_num_threads(), len(part)))
        return part * 2

    batch = torch.arange(2 * LEAST + 1)
    assert torch.cat(cores.run(work, batch)).tolist() == (batch * 2).tolist()
    assert len(seen) == 2 and all(threads == 1 for _, threads, _ in seen)
    assert sum(rows for *_, rows in seen) == len(batch)
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert torch.get_num_threads() == 2 and later == [2]
    cores.close()
    assert ours() == []


def test_a_small_batch_and_another_device_are_done_where_they_are_called() -> None:
    names: list[str] = []

    def work(part: Any) -> Any:
        names.append(threading.current_thread().name)
        return part

    assert len(ParallelBatches("cpu").run(work, torch.zeros(2 * LEAST - 1))) == 1
    assert len(ParallelBatches("cuda:0").run(work, torch.zeros(100))) == 1
    assert ParallelBatches("cpu").run(work, torch.zeros(0)) == []
    assert set(names) == {threading.current_thread().name}


def test_what_fails_in_a_part_fails_for_the_caller() -> None:
    def work(_part: Any) -> Any:
        raise torch.OutOfMemoryError("no room")

    cores = ParallelBatches("cpu")
    with pytest.raises(torch.OutOfMemoryError):
        cores.run(work, torch.zeros(2 * LEAST))
    cores.close()


@pytest.mark.parametrize("name", ["open_clip", "clip", "siglip2_naflex"])
def test_vectors_are_the_same_in_parts_and_one_by_one(name: str) -> None:
    family = name if name == "open_clip" else "clip"
    model: Any = load(family, tiny_model(name))
    pictures = [picture(seed, 60 + seed % 3, 80) for seed in range(2 * LEAST + 3)]
    together = model.embed(model.prepare(pictures))
    if name != "siglip2_naflex":  # ragged there: no shape has enough pictures for parts
        assert ours()
    alone = np.concatenate([model.embed(model.prepare([each])) for each in pictures])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    model.close()
    assert ours() == []
