"""Models come whole, continue where they stopped, and say in one line why they did not come."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.errors import DiskFull, DownloadFailed, Interrupted, ModelMissing, ModelRefused
from core.hub.control import Control
from core.hub.hub import Hub
from core.hub.progress import DownloadProgress, Speed
from core.hub.resolved import Resolved
from tests.hub.conftest import MEBIBYTE, QUICK, model_files
from tests.hub.local_hub import CHUNK, LocalHub, Stored

REPO = "org/tiny"


def pulled(hub: Hub, text: str = REPO, **how: Any) -> Resolved:
    return hub.pull(hub.plan(hub.resolve(text, **how)))


def blobs(hub: Hub) -> Path:
    return hub.cache / "models--org--tiny" / "blobs"


def test_what_a_model_needs_comes_and_nothing_else(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files()
    commit = local_hub.add(REPO, files)
    found = pulled(hub)
    assert found.revision == commit
    assert (found.kind, found.family) == ("detector", "yolos")
    assert found.folder is not None
    there = {path.name: path.read_bytes() for path in found.folder.iterdir()}
    wanted = ("config.json", "preprocessor_config.json", "model.safetensors")
    assert there == {name: files[name] for name in wanted}


def test_sizes_are_known_before_anything_is_fetched(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files(mebibytes=2))
    planned = hub.plan(hub.resolve(REPO))
    assert planned.missing_bytes == planned.size_bytes > 2 * MEBIBYTE
    assert not local_hub.asked_for("model.safetensors")
    hub.pull(planned)
    again = hub.plan(hub.resolve(REPO))
    assert again.missing_bytes == 0
    assert all(file.cached for file in again.files)


def test_a_model_once_pulled_needs_no_network(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files())
    folder = pulled(hub).folder
    asked = len(local_hub.requests)
    assert Hub(offline=True).resolve(REPO).folder == folder
    assert hub.resolve(REPO).folder == folder
    assert len(local_hub.requests) == asked


def test_progress_tells_bytes_speed_and_time_left(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.faults.bytes_per_second = 3 * MEBIBYTE
    local_hub.add(REPO, model_files(mebibytes=3))
    steps: list[DownloadProgress] = []
    hub.pull(hub.plan(hub.resolve(REPO)), steps.append)
    assert len(steps) >= 3
    assert all(a.done_bytes <= b.done_bytes for a, b in pairwise(steps))
    middle = steps[len(steps) // 2]
    assert middle.bytes_per_second > 0
    left = middle.size_bytes - middle.done_bytes
    assert middle.seconds_left == pytest.approx(left / middle.bytes_per_second)
    assert steps[-1].done_bytes == steps[-1].size_bytes
    assert {file.state for file in steps[-1].files} == {"done"}


def test_the_speed_shown_follows_the_bytes_and_the_clock() -> None:
    now = 100.0
    speed = Speed(lambda: now)
    report = []
    for second in range(1, 11):
        now += 0.5
        report.append(speed.at(second * MEBIBYTE))
    assert report == pytest.approx([2 * MEBIBYTE] * 10)
    for _ in range(40):  # nothing comes for twenty seconds
        now += 0.5
        report.append(speed.at(10 * MEBIBYTE))
    assert report[-1] < 0.01 * report[0]
    assert all(a >= b for a, b in pairwise(report[9:]))


def test_a_cut_connection_is_gone_on_with(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files(mebibytes=4)
    local_hub.add(REPO, files)
    local_hub.faults.cut_after_bytes, local_hub.faults.cuts = MEBIBYTE, 2
    folder = pulled(hub).folder
    assert folder is not None
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    ranges = [seen.range for seen in local_hub.asked_for("model.safetensors")]
    assert len(ranges) == 3
    assert ranges[0] is None
    assert all(ranges[1:])
    assert local_hub.served_bytes < 1.1 * sum(map(len, files.values()))


def test_a_connection_that_is_always_cut_is_given_up_and_kept(
    local_hub: LocalHub, hub: Hub
) -> None:
    local_hub.add(REPO, model_files(mebibytes=2))
    local_hub.faults.cut_after_bytes, local_hub.faults.cuts = 0, 1000
    with pytest.raises(DownloadFailed, match=r"model\.safetensors: .*run the same command again"):
        pulled(hub)
    assert len(local_hub.asked_for("model.safetensors")) == QUICK.retries + 1
    assert not (hub.cache / "models--org--tiny" / "snapshots").exists()


def test_a_hub_that_ignores_ranges_gives_a_whole_file(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files(mebibytes=2)
    local_hub.add(REPO, files)
    local_hub.faults.cut_after_bytes, local_hub.faults.cuts = MEBIBYTE, 1
    local_hub.faults.ignore_ranges = True
    folder = pulled(hub).folder
    assert folder is not None
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_wrong_checksum_is_said_and_nothing_of_it_stays(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files()
    local_hub.add(REPO, files)
    local_hub.faults.corrupt = True
    with pytest.raises(DownloadFailed, match=r"'model\.safetensors' had a wrong checksum"):
        pulled(hub)
    # Other files, fetched at the same time, may have been cut short: theirs stay to be continued.
    weights = hashlib.sha256(files["model.safetensors"]).hexdigest()
    assert not list(blobs(hub).glob(f"{weights}*"))
    local_hub.faults.corrupt = False
    assert pulled(hub).folder is not None


def test_a_damaged_small_file_is_found_too(local_hub: LocalHub, hub: Hub) -> None:
    lie = Stored("preprocessor_config.json", b"{}", etag="0" * 40)
    honest = [Stored(path, body) for path, body in model_files().items() if path != lie.path]
    local_hub.add(REPO, [*honest, lie])
    with pytest.raises(DownloadFailed, match=r"preprocessor_config\.json"):
        pulled(hub)


def test_what_a_dead_run_left_damaged_does_not_survive(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files()
    local_hub.add(REPO, files)
    planned = hub.plan(hub.resolve(REPO))
    etag = next(p.file.etag for p in planned.files if p.file.large)
    blobs(hub).mkdir(parents=True)
    (blobs(hub) / f"{etag}.part").write_bytes(b"x" * 1000)
    with pytest.raises(DownloadFailed, match="checksum"):
        hub.pull(planned)
    assert pulled(hub).folder is not None


@pytest.mark.parametrize("fault", ["too_many", "broken"])
def test_a_busy_hub_is_waited_for(local_hub: LocalHub, hub: Hub, fault: str) -> None:
    local_hub.add(REPO, model_files())
    setattr(local_hub.faults, fault, 2)
    assert pulled(hub).folder is not None


def test_a_hub_that_asks_to_wait_for_an_hour_is_not(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files())
    local_hub.faults.too_many, local_hub.faults.retry_after = 1, "3600"
    began = time.monotonic()
    with pytest.raises(DownloadFailed, match="asks to wait 3600 s"):
        pulled(hub)
    assert time.monotonic() - began < 60


def test_a_gated_model_says_how_to_get_access(local_hub: LocalHub, hub: Hub) -> None:
    files = {**model_files(), "tokenizer.json": b"{}"}
    local_hub.add("google/siglip2-base-patch16-224", files)
    local_hub.faults.gated = True
    page = rf"accept its terms at {local_hub.url}/google/siglip2-base-patch16-224 .*hf auth login"
    with pytest.raises(ModelMissing, match=page):
        pulled(hub, "siglip2-base")


def test_unknown_model_and_unknown_revision_say_so(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files())
    with pytest.raises(ModelMissing, match=r"no model 'org/other'.*hf auth login"):
        hub.resolve("org/other")
    with pytest.raises(ModelMissing, match="no revision 'v9'"):
        hub.resolve(f"{REPO}@v9")
    with pytest.raises(ModelMissing, match="no revision '00000"):
        hub.plan(hub.resolve(f"siglip2-base@{'0' * 40}")) if local_hub.add(
            "google/siglip2-base-patch16-224", model_files()
        ) else None


def test_no_network_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1:9 cannot be reached .*--offline"):
        hub.resolve(REPO)


def test_the_token_goes_to_the_hub_only_and_never_into_a_message(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    local_hub.add(REPO, model_files())
    pulled(hub)
    by_store = {seen.store: set[str | None]() for seen in local_hub.requests}
    for seen in local_hub.requests:
        by_store[seen.store].add(seen.authorization)
    assert by_store == {False: {"Bearer hf_secret"}, True: {None}}
    local_hub.faults.private = True
    with pytest.raises(ModelMissing) as raised:
        hub.resolve("org/other")
    assert "hf_secret" not in str(raised.value)


def test_a_full_disk_is_said_before_anything_is_fetched(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_hub.add(REPO, model_files(mebibytes=2))
    planned = hub.plan(hub.resolve(REPO))
    small = shutil._ntuple_diskusage(10**9, 10**9, 10**6)
    monkeypatch.setattr("core.hub.disk.shutil.disk_usage", lambda _path: small)
    with pytest.raises(DiskFull, match=r"needs 2\.1 MB more in .* 1\.0 MB are free"):
        hub.pull(planned)
    assert not local_hub.asked_for("model.safetensors")


class TaskProgress:
    """A pull in a thread of its own, with what it told and how it ended."""

    def __init__(self, hub: Hub) -> None:
        self.control = Control()
        self.error: BaseException | None = None
        self.last: DownloadProgress | None = None
        planned = hub.plan(hub.resolve(REPO))
        self._thread = threading.Thread(target=self._run, args=(hub, planned))
        self._thread.start()

    def _run(self, hub: Hub, planned: Any) -> None:
        try:
            hub.pull(planned, self._tell, self.control)
        except Interrupted as error:
            self.error = error

    def _tell(self, now: DownloadProgress) -> None:
        self.last = now

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)
        assert not self._thread.is_alive()


def test_cancel_takes_a_moment_and_keeps_what_came(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files(mebibytes=8)
    local_hub.add(REPO, files)
    local_hub.faults.bytes_per_second = 4 * MEBIBYTE
    running = TaskProgress(hub)
    local_hub.wait_served(2 * MEBIBYTE)
    running.control.cancel()
    running.join(0.5)
    assert isinstance(running.error, Interrupted)
    kept = sum(path.stat().st_size for path in blobs(hub).glob("*.part"))
    assert kept > MEBIBYTE
    local_hub.faults.bytes_per_second, before = 0, local_hub.served_bytes
    pulled(hub)
    assert local_hub.served_bytes - before <= 8 * MEBIBYTE - kept + 2 * CHUNK


def test_cancel_does_not_wait_for_a_silent_hub(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files())
    local_hub.faults.silent = True
    running = TaskProgress(hub)
    while not local_hub.asked_for("model.safetensors"):
        time.sleep(0.01)
    running.control.cancel()
    running.join(0.6)
    assert isinstance(running.error, Interrupted)


def test_pause_stops_the_bytes_and_resume_goes_on(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files(mebibytes=24)
    local_hub.add(REPO, files)
    local_hub.faults.bytes_per_second = 16 * MEBIBYTE
    running = TaskProgress(hub)
    local_hub.wait_served(2 * MEBIBYTE)
    running.control.pause()
    time.sleep(0.3)
    kept = [path.stat().st_size for path in blobs(hub).glob("*.part")]
    time.sleep(0.4)
    assert [path.stat().st_size for path in blobs(hub).glob("*.part")] == kept
    assert running.last is not None
    assert running.last.paused
    running.control.resume()
    running.join(20)
    assert running.error is None
    folder = hub.resolve(REPO).folder
    assert folder is not None
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]


@pytest.mark.parametrize(
    "path",
    ["../../evil", "/etc/evil", "a/../../evil", "C:\\evil", "a\\..\\evil", "a//evil", "x\x1b[2Jy",
     "a/./b", "", "n" * 300],
)  # fmt: skip
def test_a_listing_that_leads_out_of_the_cache_is_refused(
    local_hub: LocalHub, hub: Hub, tmp_path: Path, path: str
) -> None:
    honest = [Stored(name, body) for name, body in model_files().items()]
    local_hub.add(REPO, [*honest, Stored(path, b"evil")])
    with pytest.raises(ModelRefused, match="must not be written") as raised:
        pulled(hub)
    assert "\x1b" not in str(raised.value)
    assert not list(tmp_path.rglob("evil"))
    assert not list(hub.cache.rglob("*"))


@pytest.mark.parametrize("etag", ["../../evil", "abc", "Z" * 64])
def test_a_checksum_that_is_none_is_refused(local_hub: LocalHub, hub: Hub, etag: str) -> None:
    honest = [Stored(name, body) for name, body in model_files().items()]
    local_hub.add(REPO, [*honest, Stored("more.json", b"evil", etag=etag)])
    with pytest.raises(ModelRefused, match="no checksum"):
        pulled(hub)


def test_a_model_of_pickles_is_refused(local_hub: LocalHub, hub: Hub) -> None:
    files = {k: v for k, v in model_files().items() if not k.endswith(".safetensors")}
    local_hub.add(REPO, files)
    with pytest.raises(ModelRefused, match=r"only pytorch_model\.bin, a pickle"):
        pulled(hub)


def test_weights_come_by_name(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files()
    files["model.fp16.safetensors"] = files.pop("model.safetensors")[:9000]
    files["model.int8.safetensors"] = files["model.fp16.safetensors"][:8000]
    local_hub.add(REPO, files)
    with pytest.raises(ModelRefused, match=r"--weights: model\.fp16\.safetensors, model\.int8"):
        pulled(hub)
    folder = pulled(hub, weights="model.fp16.safetensors").folder
    assert folder is not None
    assert (folder / "model.fp16.safetensors").stat().st_size == 9000


def test_shards_come_with_their_index(local_hub: LocalHub, hub: Hub) -> None:
    files = model_files()
    whole = files.pop("model.safetensors")
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    files |= {names[0]: whole[:8000], names[1]: whole[8000:20000]}
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    files["pytorch_model.bin.index.json"] = b"{}"
    files["consolidated.safetensors"] = whole
    local_hub.add(REPO, files)
    folder = pulled(hub).folder
    assert folder is not None
    there = {path.name for path in folder.iterdir()}
    assert {*names, "model.safetensors.index.json"} <= there
    assert not there & {"pytorch_model.bin.index.json", "consolidated.safetensors"}
    (folder / names[1]).unlink()
    with pytest.raises(
        ModelMissing, match=f"partly on this disk: it lacks {names[1]}.*models pull {REPO}"
    ):
        Hub(offline=True).resolve(REPO)
