"""Records a review in the running app: screenshots/review.cast and review.gif.

`python scripts/record_review.py` scans storm footage of the shared media folder (SIGHTLINE_MEDIA)
into a library of its own, opens the app in a pseudo-terminal, presses the keys below at a person's
pace and keeps what the app writes, with its times, as an asciicast.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
OUT = ROOT / "screenshots"
COLUMNS, ROWS = 120, 36
CLIPS = (
    "videos/lightning/storm_recon_10240-10330_720p.mp4",
    "videos/lightning/intracloud_576p30.mp4",
)
KEYS: tuple[tuple[str, float], ...] = (
    ("2", 3.0), ("y", 1.2), ("y", 1.2), ("n", 1.2), ("backspace", 1.5), ("y", 1.2), ("u", 1.5),
    ("r", 2.0), ("j", 1.5), ("r", 1.5), (".", 0.3), (".", 0.3), (".", 1.2), ("0", 1.0),
    ("space", 2.5), ("escape", 1.5),
)  # fmt: skip
"""each key with the seconds until the next"""
CODES = {"backspace": "\x7f", "space": " ", "escape": "\x1b"}


def main() -> None:
    """Record, then draw."""
    import draw_cast

    with tempfile.TemporaryDirectory(prefix="sightline-") as folder:
        pieces = _recorded(Path(folder))
    _write(OUT / "review.cast", pieces)
    draw_cast.draw(OUT / "review.cast", OUT / "review.gif")
    for name in ("review.cast", "review.gif"):
        print(f"{name}: {(OUT / name).stat().st_size >> 10} KiB")


def _recorded(folder: Path) -> list[tuple[float, bytes]]:
    """Return what the app wrote, with its times."""
    from tests.pty.home import Home

    with Home(folder) as home:
        home.cli("scan", *_footage(folder), "--profile", "storm", "--no-ui")
        app = home.app(size=(COLUMNS, ROWS), sees="done")
        for key, seconds in KEYS:
            app.send(CODES.get(key, key))
            time.sleep(seconds)
        return list(app.received)


def _footage(folder: Path) -> list[Path]:
    """Return copies of the clips, so that no name of this machine stands in their paths."""
    (folder / "night").mkdir()
    media = Path(os.environ.get("SIGHTLINE_MEDIA") or ROOT.parent / "shared" / "media")
    return [Path(shutil.copy(media / name, folder / "night" / Path(name).name)) for name in CLIPS]


def _write(path: Path, pieces: list[tuple[float, bytes]]) -> None:
    """Write an asciicast."""
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "sightline: a review"}
    began = pieces[0][0]
    rows = [json.dumps(head)]
    rest = b""
    for moment, piece in pieces:
        text, rest = _whole_letters(rest + piece)
        rows.append(json.dumps([round(moment - began, 3), "o", text]))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _whole_letters(data: bytes) -> tuple[str, bytes]:
    """Return the text of the data, and the bytes of a letter that is not complete yet."""
    for kept in range(4):
        try:
            return data[: len(data) - kept].decode(), data[len(data) - kept :]
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", "replace"), b""


if __name__ == "__main__":
    main()
