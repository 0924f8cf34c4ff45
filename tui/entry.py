"""`sightline`: the command line, which opens the app where a person sits at a terminal."""

from __future__ import annotations

import gc

from core.cli.main import main as command_line
from core.cli.output import Session


def main() -> None:
    """Run the command line with the app at hand."""
    command_line(_open)


def _open(session: Session, **options: object) -> int:
    # What is made on the way to the first picture stays: looking through it for garbage costs a
    # tenth of that way. The app switches it on again.
    gc.disable()
    from .start import open_app

    return open_app(session.library, session.settings, **options)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
