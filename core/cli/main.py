"""The command line: global options, and commands that are imported only when they are called."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

import click

from ..errors import EXIT_MEANINGS, ExitCode, SightlineError
from .output import ConsoleOutput, Session

COMMANDS: dict[str, tuple[str, str]] = {
    "scan": (".scan", "Find moments in videos and pictures."),
    "watch": (".watch", "Scan files that appear in a folder, each when copying has finished."),
    "index": (
        ".index",
        "Make pictures and videos searchable, and manage the index of their vectors.",
    ),
    "show": (".show", "Show everything stored about one moment of a file."),
    "results": (".results", "List what a scan found, filtered and sorted."),
    "search": (".search", "Find images and moments by words, by example, or by what was said."),
    "judge": (".judge", "Judge an event or candidate right, wrong or unsure."),
    "box": (".box", "List, add and remove boxes that you draw on a frame."),
    "export": (".export", "Export a scan's results as files, clips or pictures."),
    "score": (
        ".score",
        "Compare a scan's events with a truth file, or its texts with references.",
    ),
    "diff": (".diff", "Show what changed between the answers of two finished scans."),
    "check": (
        ".check",
        "Measure the speed of scans, the effect of batch sizes, and facts about answers.",
    ),
    "runs": (".runs", "List, show, resume and remove jobs, and verify scans."),
    "profiles": (".profiles", "List, show, create, edit and validate profiles."),
    "prompts": (".prompts", "List, show, add, import and export prompts for models."),
    "plugins": (".plugins", "List, enable and disable plugins."),
    "models": (".models", "List, download, verify, pin and remove models."),
    "status": (".status", "Show running and queued jobs and their progress."),
    "gpu": (".gpu", "Show GPUs, CPU, memory and disk."),
    "engine": (".engine", "Inspect and stop the engine, the background process that runs jobs."),
    "report": (".report", "Write a bug report about a scan."),
    "doctor": (".doctor", "Check this machine and print how to fix each problem."),
    "demo": (".demo", "Generate a storm clip with known strokes, scan it and score it."),
}


class LazyGroup(click.Group):
    """A group whose commands live in modules imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0], __package__).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of that name."""
        from ..text import clean, nearest

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = nearest(args[0], list(COMMANDS))
            raise click.UsageError(f"unknown command '{clean(args[0])}'{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(c)), meaning) for c, meaning in EXIT_MEANINGS.items()])


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from ..version import sightline_version

    click.echo(f"sightline {sightline_version()}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--library", metavar="DIR", help="Folder that stores all results [SIGHTLINE_LIBRARY]."
)
@click.option("--quiet", "-q", is_flag=True, help="Print no progress on stderr.")
@click.option("--verbose", "-v", is_flag=True, help="Print a line for every microbatch.")
@click.option("--no-color", is_flag=True, help="Print no colours [NO_COLOR].")
@click.option("--readonly", is_flag=True, help="App: show everything, allow no changes.")
@click.option("--low-bandwidth", is_flag=True, help="App: redraw every two seconds, no pictures.")
@click.option("--ascii", "ascii_only", is_flag=True, help="App: use ASCII characters only.")
@click.option("--no-mouse", is_flag=True, help="App: do not capture the mouse.")
@click.option("--no-images", is_flag=True, help="App: do not use the terminal's image protocols.")
@click.option(
    "--rate", type=click.FloatRange(0.1, 30), metavar="HZ", help="App: redraws per second."
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
              help="Show the version and exit.")  # fmt: skip
@click.pass_context
def cli(
    ctx: click.Context, library: str | None, quiet: bool, verbose: bool, no_color: bool,
    readonly: bool, low_bandwidth: bool, ascii_only: bool, no_mouse: bool, no_images: bool,
    rate: float | None,
) -> int | None:  # fmt: skip
    """Find moments in videos and pictures, with models on your own machine.

    Without a command, on a terminal, sightline opens the app and connects to the engine, the
    background process that runs jobs.

    \b
      sightline                                 open the app
      sightline demo                            try it on a generated clip
      sightline scan storm.mp4 --profile storm  find lightning strokes
      sightline export 1 --format html --out report
    """
    app = ctx.obj
    session = Session(library, ConsoleOutput(quiet=quiet, verbose=verbose, no_color=no_color))
    session.app = app and partial(
        app, session, readonly=readonly, low_bandwidth=low_bandwidth, ascii_only=ascii_only,
        mouse=not no_mouse, images=not no_images, rate=rate or 0.0,
    )  # fmt: skip
    if no_color:
        os.environ["NO_COLOR"] = "1"
    ctx.obj = session
    if ctx.invoked_subcommand is not None:
        return None
    if session.at_terminal and session.app is not None:
        return int(session.app())
    raise click.exceptions.NoArgsIsHelpError(ctx)


def main(app: Any = None) -> None:
    """Run the command line and exit with one of the documented codes.

    `app` opens the app (called with the session and its options); without it, all is headless.
    """
    sys.exit(_run(app))


def _run(app: Any) -> int:
    try:
        result: Any = cli.main(prog_name="sightline", standalone_mode=False, obj=app)
        return int(result) if isinstance(result, int) else int(ExitCode.OK)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return int(ExitCode.INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.message, err=True)
        return int(ExitCode.USAGE)
    except click.ClickException as error:
        _complain(error)
        return int(ExitCode.USAGE)
    except SightlineError as error:
        _say(f"sightline: {_harmless(str(error))}")
        return int(error.exit_code)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _silence_stdout()
        return int(ExitCode.OK)
    except OSError as error:
        return _disk(error)
    except Exception as error:
        return _defect(error)


def _complain(error: click.ClickException) -> None:
    """Print what click would, with nothing of the call's own text that a terminal obeys."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is not None:
        click.echo(f"{ctx.get_usage()}\nTry '{ctx.command_path} --help' for help.\n", err=True)
    click.echo(f"Error: {_harmless(error.format_message())}{_misplaced(error)}", err=True)


def _misplaced(error: click.ClickException) -> str:
    """Say where an option of `sightline` itself belongs, when it was given to a command."""
    name = error.option_name if isinstance(error, click.NoSuchOption) else ""
    if not any(name in parameter.opts for parameter in cli.params):
        return ""
    command = error.ctx.command_path.partition(" ")[2] if error.ctx else "COMMAND"  # type: ignore[attr-defined]
    return f" Put it before the command: sightline {name} {command} ..."


def _harmless(text: str) -> str:
    from ..text import clean

    return clean(text)


def _silence_stdout() -> None:
    """The reader of a pipe went away; Python would complain once more when it flushes."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _disk(error: OSError) -> int:
    """Say what the machine refused; no defect of ours, wherever it was met."""
    from ..service.local import disk_fault_of

    fault = disk_fault_of(error)
    if fault is None:
        return _defect(error)
    _say(f"sightline: {fault}")
    return int(fault.exit_code)


def _defect(error: Exception) -> int:
    from ..text import clean

    text = clean(f"{type(error).__name__}: {error}", limit=200)
    _say(f"sightline: internal error: {text}; {_noted(error)}")
    return int(ExitCode.INTERNAL)


def _noted(error: Exception) -> str:
    """Write the details of a defect to a temporary file and say where they are."""
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="sightline-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.write("".join(traceback.format_exception(error)))
    except OSError as full:
        return f"details could not be written ({full.strerror or full})"
    return f"details in {log.name}"


def _say(text: str) -> None:
    """Print a line on stderr, if that can be written."""
    with suppress(OSError):
        click.echo(text, err=True)


if __name__ == "__main__":
    main()
