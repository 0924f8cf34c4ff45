"""Makes screenshots/report.png: the demo's HTML report, as a browser shows it.

`python scripts/report_screenshot.py` after `make demo`; needs Chromium (`chromium` on the PATH).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "demo" / "report" / "scan.html"
PICTURE = ROOT / "screenshots" / "report.png"


def main() -> None:
    """Let a headless browser draw the report."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None or not REPORT.is_file():
        sys.exit("needs Chromium on the PATH, and the report that `make demo` writes")
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        page = Path(profile) / "scan.html"
        # The picture is for everybody: no folder of this machine in it.
        page.write_text(REPORT.read_text().replace(str(ROOT / "demo"), "/footage"))
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--hide-scrollbars", f"--user-data-dir={profile}",
                "--window-size=1100,1250", f"--screenshot={PICTURE}", page.as_uri(),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip


if __name__ == "__main__":
    main()
