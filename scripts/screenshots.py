"""Makes the pictures of the app in screenshots/: SVG and PNG, each screen at two sizes.

`python scripts/screenshots.py` scans footage into a library of its own with a real engine, opens
the real app on it and asks it for its screens. The footage is that of the shared media folder
(SIGHTLINE_MEDIA), else the storm clip that `sightline demo` draws. `--check` says whether the app
has changed since the pictures were made.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
OUT = ROOT / "screenshots"
MADE_FROM = OUT / "made-from.json"
SIZES = {"80x24": (80, 24), "120x36": (120, 36)}
FONT = "DejaVu Sans Mono"
MEDIA = (
    "videos/lightning/storm_recon_10240-10330_720p.mp4",
    "videos/general/cosmos_test_video_30s.mp4",
    "videos/general/dvrscan_traffic_camera.mp4",
    "videos/broken",
)
MODEL = "trained-efficientnet-clip"
"""of `benchmarks/trained_model.py`"""
Press = Callable[[Any], Awaitable[None]]


def main() -> None:
    """Make the pictures, or with `--check` say whether they are stale (exit 0 either way)."""
    if "--check" in sys.argv[1:]:
        if _kept_digest() != digest():
            print("screenshots/ is older than the app; `make screenshots` makes it again")
        return
    with tempfile.TemporaryDirectory(prefix="sightline-") as folder:
        os.environ["SIGHTLINE_CONFIG"] = f"{folder}/config"
        asyncio.run(_make(Path(folder)))
    MADE_FROM.write_text(json.dumps({"app": digest()}) + "\n", encoding="utf-8")


def digest() -> str:
    """Return a hash of everything the pictures depend on."""
    files = sorted([*ROOT.glob("tui/**/*.py"), *ROOT.glob("tui/**/*.tcss")])
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def _kept_digest() -> str:
    try:
        return str(json.loads(MADE_FROM.read_text(encoding="utf-8"))["app"])
    except (OSError, ValueError, KeyError):
        return ""


async def _make(folder: Path) -> None:
    from core.protocol.commands import SubmitScan
    from core.service.attach import attached
    from core.service.stop_engine import ask_to_stop

    library = folder / "library"
    client = await attached(library)
    try:
        await _scan(client, SubmitScan(_footage(folder), "storm", {"stages": ["flash", "motion"]}))
        for name, size in SIZES.items():
            await _screens(library, folder / "state", name, size)
        await _search(client, library, folder / "state")
        for name, size in SIZES.items():
            await client.send(SubmitScan(_footage(folder), "quick", mode="redo"))
            await _screen(library, folder / "state", f"queue-{name}", size, ("1",), 0.2)
            await _idle(client)
    finally:
        await ask_to_stop(client, "now")
        await client.close()


async def _search(client: Any, library: Path, state: Path) -> None:
    """Show a search of the shared pictures, where the trained model of the benchmarks was made."""
    from benchmarks.measure import CACHE
    from core.protocol.commands import SubmitScan

    model, pictures = CACHE / MODEL, _media() / "images" / "coco33"
    if not (model.is_dir() and pictures.is_dir()):
        return
    settings = {"embed.model": str(model), "run.index": True}
    await _scan(client, SubmitScan((str(pictures),), "index", settings))
    query = ("3", "slash", *"train", "enter")
    for name, size in SIZES.items():
        await _screen(library, state, f"search-{name}", size, query, 6)


async def _scan(client: Any, command: Any) -> None:
    from core.protocol.messages import ScanFinished

    await client.send(command)
    async for _, event in client.events(0):
        if isinstance(event, ScanFinished):
            return


async def _idle(client: Any) -> None:
    """Wait until nothing is running."""
    while (await client.snapshot()).scans:
        await asyncio.sleep(0.1)


def _media() -> Path:
    named = os.environ.get("SIGHTLINE_MEDIA")
    return Path(named) if named else ROOT.parent / "shared" / "media"


def _footage(folder: Path) -> tuple[str, ...]:
    media = _media()
    if media.is_dir():
        return tuple(str(media / name) for name in MEDIA)
    from core.synthetic.storm import demo_scene, write

    clip = folder / "storm.mp4"
    if not clip.exists():
        write(demo_scene(), clip)
    return (str(clip),)


async def _screens(library: Path, state: Path, name: str, size: tuple[int, int]) -> None:
    keys = {
        "results": ("2", "down", "up"),
        "models": ("5",), "gpu": ("6",), "profiles": ("7", "down", "tab"), "log": ("8",),
        "keys": ("2", "?"), "add": ("1", "a"), "export": ("2", "e"),
    }  # fmt: skip
    for screen, pressed in keys.items():
        await _screen(
            library, state, f"{screen}-{name}", size, pressed, 6 if screen == "gpu" else 1.5
        )


async def _screen(
    library: Path, state: Path, name: str, size: tuple[int, int], keys: tuple[str, ...],
    seconds: float,
) -> None:  # fmt: skip
    from tui.app import SightlineApp
    from tui.start_options import StartOptions

    app = SightlineApp(StartOptions(library=library, state_folder=state / name))
    async with app.run_test(size=size) as pilot:
        while app.bridge.state is None:
            await asyncio.sleep(0.05)
        for key in keys:
            await pilot.press(key)
            await asyncio.sleep(0.8)
        await asyncio.sleep(seconds)
        svg = app.export_screenshot(title="sightline")
        await app.bridge.leave()
    write(name, svg)


def write(name: str, svg: str, out: Path = OUT) -> None:
    """Write a picture as SVG, then as PNG, without what names this machine."""
    svg = _public(svg)
    out.mkdir(exist_ok=True)
    (out / f"{name}.svg").write_text(svg, encoding="utf-8")
    import resvg_py

    drawn = re.sub(r"@font-face\s*{.*?}", "", svg, flags=re.DOTALL).replace("Fira Code", FONT)
    png = resvg_py.svg_to_bytes(svg_string=drawn, font_family=FONT, zoom=1)
    (out / f"{name}.png").write_bytes(bytes(png))
    print(f"{out.name}/{name}.png")


def _public(svg: str) -> str:
    """Take this machine out of the picture: its name, its folders, the ids of one run."""
    import socket

    svg = svg.replace(str(ROOT.parent / "shared" / "media"), "~/footage")
    for private in (str(ROOT.parent), tempfile.gettempdir(), str(Path.home())):
        svg = svg.replace(private.replace("-", "&#45;"), "~").replace(private, "~")
    svg = re.sub(r"sightline-[a-z0-9_]{8}", "storms", svg)
    svg = svg.replace(socket.gethostname(), "gpu-box") if len(socket.gethostname()) > 3 else svg
    return re.sub(r"terminal-\d+", "terminal", svg)


if __name__ == "__main__":
    main()
