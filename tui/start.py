"""Opening the app: what the settings say, what the terminal can do, then the app itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config.user_settings import Settings, chosen_profile, log_file

from .terminal.probe import TerminalFacts, probe
from .terminal.tty import run

if TYPE_CHECKING:
    from core.protocol.commands import SubmitScan, WatchFolder

    from .terminal.safe_app import SafeApp


def state_folder() -> Path:
    """Return where the app keeps what it was like when it was left."""
    named = os.environ.get("SIGHTLINE_STATE")
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_state_dir("sightline", appauthor=False))


def open_app(
    library: Path, settings: Settings, *, submit: SubmitScan | WatchFolder | None = None,
    readonly: bool = False, low_bandwidth: bool = False, ascii_only: bool = False,
    mouse: bool = True, images: bool = True, rate: float = 0.0, screen: str = "",
) -> int:  # fmt: skip
    """Show the app until it is left; return the exit code. Raises ProfileError for bad settings."""
    from .keys.user_keys import keymap_from

    keys = keymap_from(settings.keys)
    is_ascii = ascii_only or settings.ascii
    facts = probe(images=images, letters=not is_ascii)

    def make(facts: TerminalFacts) -> SafeApp[Any]:
        from .app import SightlineApp
        from .start_options import StartOptions

        return SightlineApp(
            StartOptions(
                library=library, state_folder=state_folder(), keymap=keys, theme=settings.theme,
                readonly=readonly, ascii=is_ascii,
                low_bandwidth=low_bandwidth or settings.low_bandwidth,
                draw_seconds=1 / rate if rate else 0.0,
                advances=settings.review.get("advance", "next") == "next",
                profile=chosen_profile(None, settings), submit=submit, screen=screen,
            ),
            facts,
        )  # fmt: skip

    return run(make, log=log_file(library).with_name("app.log"), facts=facts,
               mouse=mouse and settings.mouse)  # fmt: skip
