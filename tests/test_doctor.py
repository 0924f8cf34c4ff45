"""`doctor` on this very machine, and on machines that lack something."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pty
import shutil
import sqlite3
import struct
import subprocess
import sys
import termios
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from core.device import drift
from core.doctor import packages as doctor_checks
from core.doctor import report as doctor
from core.doctor.report import CHECKS, CheckResult, DoctorRequest, Status

ROOT = Path(__file__).resolve().parents[1]


def found(check: str, library: Path = Path("/nowhere"), lock: Path | None = None) -> CheckResult:
    """Run one check."""
    return CHECKS[check](DoctorRequest(library, lock))


def fake_nvml(
    monkeypatch: pytest.MonkeyPatch, cuda: int = 13020, devices: int = 1, fault: str = ""
) -> None:
    """Put a driver with GPUs, or one that fails with `fault`, where pynvml is."""
    module: Any = ModuleType("pynvml")
    module.NVMLError = type("NVMLError", (Exception,), {})

    def start() -> None:
        if fault:
            raise type(fault, (module.NVMLError,), {})("simulated")

    module.nvmlInit = start
    module.nvmlShutdown = lambda: None
    module.nvmlSystemGetDriverVersion = lambda: b"600.10"
    module.nvmlSystemGetCudaDriverVersion = lambda: cuda
    module.nvmlDeviceGetCount = lambda: devices
    module.nvmlDeviceGetHandleByIndex = lambda number: number
    module.nvmlDeviceGetName = lambda handle: "NVIDIA H2\x1b[31m00"
    module.nvmlDeviceGetMemoryInfo = lambda handle: SimpleNamespace(total=140 << 30, free=100 << 30)
    monkeypatch.setitem(sys.modules, "pynvml", module)


def fake_torch(
    monkeypatch: pytest.MonkeyPatch, folder: Path, cuda: str | None, available: bool, ones: str
) -> None:
    """Let child processes import a torch whose `ones()` does what `ones` says."""
    package = folder / "torch"
    package.mkdir()
    (package / "__init__.py").write_text(
        f"from types import SimpleNamespace as N\n__version__ = '2.15.0'\n"
        f"version = N(cuda={cuda!r})\ncuda = N(is_available=lambda: {available})\n"
        f"def ones(*size, device):\n    {ones}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


def make_library(folder: Path) -> Path:
    """Make a small database such as a scan leaves."""
    database = sqlite3.connect(folder / "library.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE frames (id INTEGER PRIMARY KEY, text TEXT)")
    database.executemany("INSERT INTO frames (text) VALUES (?)", [("x" * 500,)] * 200)
    database.execute("PRAGMA user_version = 7")
    database.commit()
    database.close()
    return folder / "library.db"


def test_every_check_answers_once_and_nothing_fine_is_called_a_failure(tmp_path: Path) -> None:
    findings = list(doctor.examine(tmp_path / "library"))

    assert [finding.check for finding in findings] == list(CHECKS)
    assert not [finding for finding in findings if finding.status is Status.FAILURE]
    assert all(finding.text for finding in findings)
    assert all(finding.mend for finding in findings if finding.status is not Status.OK)
    assert not (tmp_path / "library").exists()
    assert list(tmp_path.iterdir()) == []


def test_findings_come_as_they_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, "packages", lambda asked: pytest.fail("asked too early"))
    assert next(iter(doctor.examine(tmp_path))).check == "python"


def test_a_check_that_raises_becomes_a_failure_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(asked: DoctorRequest) -> CheckResult:
        raise ValueError("bad \x1b]0;thing")

    for name in CHECKS:
        monkeypatch.setitem(CHECKS, name, lambda asked: doctor_checks.ok("well"))
    monkeypatch.setitem(CHECKS, "memory", broken)
    failed = [one for one in doctor.examine(tmp_path) if one.status is Status.FAILURE]

    assert [one.check for one in failed] == ["memory"]
    assert "ValueError: bad" in failed[0].text
    assert "\x1b" not in failed[0].text
    assert failed[0].mend


def test_an_unknown_user_in_the_library_path_does_not_stop_it() -> None:
    assert next(iter(doctor.examine(Path("~no-such-user/library")))).check == "python"


def test_json_shape(tmp_path: Path) -> None:
    findings = [
        CheckResult("cpu", Status.OK, "fine"),
        CheckResult("disk", Status.WARNING, "little room", "free some"),
    ]
    report = json.loads(json.dumps(doctor.as_json(iter(findings))))

    assert report == {
        "format": "sightline.doctor",
        "version": 1,
        "ok": True,
        "findings": [
            {"check": "cpu", "status": "ok", "text": "fine", "mend": ""},
            {"check": "disk", "status": "warning", "text": "little room", "mend": "free some"},
        ],
    }
    assert not doctor.as_json([CheckResult("gpu", Status.FAILURE, "no")])["ok"]


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, core.doctor; print(*{name.split('.')[0] for name in sys.modules})"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"av", "numpy", "torch", "psutil", "PIL", "pillow_heif", "decord", "pynvml", "sqlite3"}
    assert not heavy & set(ran.stdout.split())


def test_torch_is_not_imported_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, fault="NVMLError_LibraryNotFound")
    monkeypatch.setattr(doctor_checks, "child", lambda code: pytest.fail("torch was imported"))
    finding = found("torch")
    assert finding.status is Status.OK
    assert metadata.version("torch") in finding.text
    assert "build" in finding.text


# --- packages -----------------------------------------------------------------------------------


def test_the_floors_are_those_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, floor in drift.FLOORS.items():
        assert any(line.split(",")[0] == f"{name}>={floor}" for line in project["dependencies"])


def test_a_wrong_version_is_named_with_the_mend(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "# made by uv\n"
        "numpy==0.0.1 \\\n    --hash=sha256:00\n"
        f"click=={metadata.version('click')} ; python_full_version >= '3.11'  # via sightline\n"
        "pywin32==999 ; sys_platform == 'no-such-platform'\n"
    )
    finding = found("packages", lock=lock)

    assert finding.status is Status.WARNING
    assert f"numpy {metadata.version('numpy')} (lock: 0.0.1)" in finding.text
    assert "2 packages" in finding.text
    assert "click" not in finding.text
    assert finding.mend == "make setup"


def test_missing_packages_are_a_failure_and_at_most_five_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("".join(f"not-there-{number}==1.0\n" for number in range(8)))
    finding = found("packages", lock=lock)

    assert finding.status is Status.FAILURE
    assert "not-there-4 and 3 more" in finding.text
    assert "not-there-5" not in finding.text


def test_a_local_build_of_the_locked_version_is_the_locked_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("torch==2.15.0\n")
    monkeypatch.setattr(doctor_checks, "installed", lambda name: "2.15.0+cpu")
    assert found("packages", lock=lock).status is Status.OK


def test_a_wheel_asks_only_for_what_sightline_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = tmp_path / "sightline-0.1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: sightline\nVersion: 0.1.0\n"
        "Requires-Dist: numpy>=2\nRequires-Dist: not-there>=1\n"
        'Requires-Dist: only-raw; extra == "raw"\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor_checks, "in_checkout", lambda: False)
    lock = tmp_path / "lock"
    lock.write_text("numpy==0.0.1\nnot-there==1.0\nonly-raw==1.0\nsome-dev-tool==1.0\n")
    finding = found("packages", lock=lock)

    assert "missing: not-there;" in finding.text
    assert "2 packages" in finding.text
    assert finding.mend.endswith("install --upgrade sightline")

    lock.write_text("numpy==0.0.1\n")
    finding = found("packages", lock=lock)
    assert finding.status is Status.OK
    assert "differing: numpy" in finding.text


@pytest.mark.parametrize(("name", "version"), [("torch", "2.4.1+cu121"), ("transformers", "4.57")])
def test_a_too_old_model_library_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, version: str
) -> None:
    real = doctor_checks.installed
    monkeypatch.setattr(
        doctor_checks, "installed", lambda asked: version if asked == name else real(asked)
    )
    finding = found("versions")
    assert finding.status is Status.FAILURE
    assert finding.text.startswith(f"{name} {version} is older than")
    assert finding.mend


def test_another_active_environment_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    finding = found("environment")
    assert finding.status is Status.WARNING
    assert str(tmp_path) in finding.text
    assert sys.prefix in finding.text

    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert found("environment").status is Status.OK


def test_decord_that_cannot_be_imported_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "decord.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = found("decord")
    assert finding.status is Status.WARNING
    assert "PyAV reads" in finding.text
    assert finding.mend


def test_a_format_without_a_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.DECODERS, "prores", ("no-such-decoder",))
    finding = found("codecs")
    assert finding.status is Status.WARNING
    assert finding.text.endswith("lacks: prores")


# --- GPU ----------------------------------------------------------------------------------------


def test_a_gpu_is_described(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_nvml(monkeypatch, devices=2)
    finding = found("gpu")
    assert finding.status is Status.OK
    assert finding.text.count("140 GiB, 100 GiB free") == 2
    assert "driver 600.10, CUDA 13.2" in finding.text

    shown = next(one for one in doctor.examine(tmp_path) if one.check == "gpu")
    assert "\x1b" not in shown.text


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("NVMLError_LibraryNotFound", None),
        ("NVMLError_LibRmVersionMismatch", Status.FAILURE),
        ("NVMLError_DriverNotLoaded", Status.WARNING),
    ],
)
def test_a_driver_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, fault: str, status: Status | None
) -> None:
    fake_nvml(monkeypatch, fault=fault)
    finding = found("gpu")
    if status is None:
        assert "everything runs on the CPU" in finding.text
        assert finding.status is not Status.FAILURE
    else:
        assert finding.status is status
        assert finding.mend


@pytest.mark.parametrize(
    ("cuda", "available", "ones", "driver", "status", "said", "mend"),
    [
        (None, False, "raise AssertionError", 13020, "failure", "CPU build", "--force-reinstall"),
        ("13.2", False, "raise RuntimeError", 12040, "failure", "CUDA 12.4 at most", "update the"),
        ("13.2", False, "raise RuntimeError('why')", 13020, "failure", "why", "nvidia-smi"),
        ("13.2", True, "raise RuntimeError('no kernel image is available')", 13020, "failure",
         "not built for this GPU", "install a torch"),
        ("13.2", True, "raise RuntimeError('CUDA out of memory')", 13020, "warning",
         "no free GPU memory", "nvidia-smi"),
        ("13.2", True, "return __import__('decimal').Decimal(1)", 13000, "failure",
         "no attribute 'sum'", "nvidia-smi"),
    ],
)  # fmt: skip
def test_a_gpu_that_torch_cannot_use_is_reported_with_the_fix(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cuda: str | None,
    available: bool,
    ones: str,
    driver: int,
    status: str,
    said: str,
    mend: str,
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    fake_nvml(monkeypatch, cuda=driver)
    fake_torch(monkeypatch, tmp_path, cuda, available, ones)
    finding = found("torch")
    assert finding.status == status
    assert said in finding.text
    assert mend in finding.mend


def test_an_older_driver_of_the_same_cuda_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_nvml(monkeypatch, cuda=13000)
    result = "return __import__('numpy').ones(8)"
    fake_torch(monkeypatch, tmp_path, "13.2", True, result)
    finding = found("torch")
    assert finding.status is Status.OK
    assert "computes on the GPU (driver: CUDA 13.0)" in finding.text


def test_a_hidden_gpu_is_not_the_driver_s_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_nvml(monkeypatch)
    fake_torch(monkeypatch, tmp_path, "13.2", False, "raise RuntimeError")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    finding = found("torch")
    assert finding.status is Status.WARNING
    assert finding.mend == "unset CUDA_VISIBLE_DEVICES"


def test_a_torch_that_cannot_be_imported_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_nvml(monkeypatch)
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = found("torch")
    assert finding.status is Status.FAILURE
    assert "libcudart.so is missing" in finding.text
    assert finding.mend


def test_the_real_torch_answers_the_real_question(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, cuda=11080)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    finding = found("torch")
    assert finding.status is not Status.OK
    assert finding.text.startswith(f"torch {metadata.version('torch').split('+')[0]}")


# --- the library and its disk -------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for library in (Path("/proc/sightline/library"), tmp_path / "file" / "library"):
        finding = found("disk", library)
        assert finding.status is Status.FAILURE
        assert "--library" in finding.mend
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_full_disk_is_no_matter_of_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.doctor.report._write_and_remove", full)
    finding = found("disk", tmp_path)
    assert finding.status is Status.FAILURE
    assert finding.mend.startswith("free some space")


@pytest.mark.parametrize(
    ("free", "status"),
    [(100 << 20, Status.FAILURE), (1 << 30, Status.WARNING), (6 << 30, Status.OK)],
)
def test_little_room_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: Status
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    assert found("disk", tmp_path / "not" / "yet").status is status


def test_no_library_yet_is_fine(tmp_path: Path) -> None:
    for check in ("library", "engine"):
        assert found(check, tmp_path / "library").status is Status.OK


def test_a_library_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    path = make_library(tmp_path)
    before = path.read_bytes(), sorted(tmp_path.iterdir())
    finding = found("library", tmp_path)
    assert finding.status is Status.OK
    assert "schema 7" in finding.text
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == before


def test_a_library_in_use_is_read_all_the_same(tmp_path: Path) -> None:
    path = make_library(tmp_path)
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM frames")
        assert found("library", tmp_path).status is Status.OK
        writer.execute("ROLLBACK")
    writer.close()


def test_a_damaged_library_is_a_failure(tmp_path: Path) -> None:
    path = make_library(tmp_path)
    content = bytearray(path.read_bytes())
    content[8192:20480] = b"\xff" * 12288
    path.write_bytes(content)
    finding = found("library", tmp_path)
    assert finding.status is Status.FAILURE
    assert finding.mend

    path.write_bytes(b"not a database at all" * 100)
    assert found("library", tmp_path).status is Status.FAILURE


def test_a_running_engine_is_seen_and_not_disturbed(tmp_path: Path) -> None:
    lock = tmp_path / "engine.lock"
    lock.write_text("4711")
    assert "free" in found("engine", tmp_path).text
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert "running" in found("engine", tmp_path).text
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert lock.read_text() == "4711"


# --- terminal and limits ------------------------------------------------------------------------


def in_terminal(columns: int, lines: int, **environment: str) -> CheckResult:
    """Run the terminal check in a child whose output is a real pseudo-terminal."""
    code = (
        "from core.doctor.report import *; from pathlib import Path; import json, os\n"
        "told = as_json([CHECKS['terminal'](DoctorRequest(Path('x')))])['findings'][0]\n"
        "os.write(2, json.dumps(told).encode())"
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    base = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=base | environment,
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=True,
    )
    os.close(ours)
    os.close(theirs)
    report = json.loads(ran.stderr)
    return CheckResult("terminal", Status(report["status"]), report["text"], report["mend"])


def test_a_good_terminal_is_described() -> None:
    finding = in_terminal(120, 40, COLORTERM="truecolor", TMUX="/tmp/t,1,0", SSH_TTY="/dev/pts/1")
    assert finding.status is Status.OK
    for fact in ("xterm-256color", "truecolor", "120x40", "UTF-8", "in tmux over SSH"):
        assert fact in finding.text


@pytest.mark.parametrize(
    ("columns", "lines", "environment", "mend"),
    [
        (60, 40, {}, "80 columns"),
        (120, 20, {}, "80 columns"),
        (120, 40, {"TERM": "dumb"}, "export TERM="),
        (120, 40, {"LC_ALL": "POSIX"}, "export LC_ALL="),
    ],
)
def test_a_poor_terminal_is_a_warning(
    columns: int, lines: int, environment: dict[str, str], mend: str
) -> None:
    finding = in_terminal(columns, lines, **environment)
    assert finding.status is Status.WARNING
    assert mend in finding.mend


@pytest.mark.parametrize(
    ("soft", "hard", "status", "mend"),
    [
        (256, 9999, Status.WARNING, "ulimit -n 4096"),
        (256, 2048, Status.WARNING, "ulimit -n 2048"),
        (256, 512, Status.WARNING, "administrator"),
        (4096, 9999, Status.OK, ""),
        (-1, -1, Status.OK, ""),
    ],
)
def test_open_files(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, status: Status, mend: str
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda which: (soft, hard))
    finding = found("files")
    assert finding.status is status
    assert mend in finding.mend
