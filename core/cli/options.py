"""Options several commands share, and the request they add up to."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import UsageError
from ..protocol.addresses import absolute
from ..protocol.commands import Mode, SubmitScan
from ..text import clean
from .output import Session
from .scan_flags import Flags, with_flags

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_FORMATS = ("json", "csv")

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Export the results to this folder.",
)


class FormatOption(click.Option):
    """`--format`, whose help lists the built-in formats when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help."""
        from ..service.formats import built_in_formats

        names = " ".join(built_in_formats())
        self.help = (
            f"Format for --out; repeatable [{', '.join(DEFAULT_FORMATS)}]. One of: {names}, "
            "or a format of an enabled plugin."
        )
        return super().get_help_record(ctx)


formats_option = click.option(
    "--format", "formats", cls=FormatOption, multiple=True, metavar="NAME",
    help="Format for --out; repeatable.",
)  # fmt: skip


def reference_options(text: str) -> Callable[[F], F]:
    """Return `--reference`, with this help, and `--metrics`."""
    reference = click.option(
        "--reference", "--references", "reference",
        type=click.Path(exists=True, path_type=Path), metavar="FILE", help=text,
    )  # fmt: skip
    metrics = click.option(
        "--metrics", metavar="A,B", default="",
        help="With --reference: of bleu, chrf, coco-bleu, rouge, cider, keywords [all].",
    )  # fmt: skip
    return lambda command: reference(metrics(command))


filter_option = click.option(
    "--filter", "text", default="", metavar="WORDS",
    help="Words and conditions: score>0.5 kind:flash time<00:01:30 in:folder date:2024-06 "
    "tag:storm camera:canon place:46.2,7.5,20 model:qwen is:right; -PART excludes. "
    "See docs/filters.md.",
)  # fmt: skip


def _cut_offs(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str, float], ...]:
    return tuple(map(_cut_off, given))


def _cut_off(text: str) -> tuple[str, float]:
    kind, _, least = text.rpartition("=")
    try:
        score = float(least)
    except ValueError:
        score = math.nan
    if not kind or not math.isfinite(score):
        raise UsageError(f"--cut-off {clean(text)}: write KIND=SCORE, for example flash=0.5")
    return kind, score


cut_offs_option = click.option(
    "--cut-off", "cut_offs", multiple=True, metavar="KIND=SCORE", callback=_cut_offs,
    help="Leave out what of this kind has a lower score; repeatable.",
)  # fmt: skip


def rows_options(function: F) -> F:
    """Add the options that say which rows a list of results has, and in which order."""
    options = (
        click.option("--what", type=click.Choice(["events", "candidates", "frames"]),
                     default="events", show_default=True, help="Events, all candidates with their "
                     "reasons, or frames that models saw."),
        click.option("--sort", type=click.Choice(["source", "time", "score", "energy", "kind"]),
                     default="source", show_default=True, help="Order of the rows."),
        click.option("--descending", is_flag=True, help="Reverse the order."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


links_option = click.option(
    "--follow-links", is_flag=True,
    help="Follow symbolic links that lead out of a folder.",
)  # fmt: skip


def scan_settings(function: F) -> F:
    """Add the options that choose a profile and settings on top of it."""
    options = (
        click.option("--profile", metavar="NAME",
                     help="Profile to use [SIGHTLINE_PROFILE; quick]."),
        click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE",
                     help="Override a setting of the profile; repeatable. See docs/profiles.md."),
        click.option("--stages", metavar="A,B", help="Run only these stages."),
        click.option("--sensitivity", type=float, metavar="0..1",
                     help="Sensitivity of the flash, motion and cut stages."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def scan_request(
    session: Session, paths: tuple[str, ...], profile: str | None, overrides: tuple[str, ...],
    stages: str | None, sensitivity: float | None, globs: tuple[str, ...], mode: Mode,
    *, follow_links: bool = False, flags: Flags | None = None,
) -> SubmitScan:  # fmt: skip
    """Return the command the options add up to. Raises UsageError."""
    from ..config.profiles import embedded, parse_override, resolve
    from ..config.user_settings import chosen_profile

    settings = dict(parse_override(text) for text in overrides)
    if stages is not None:
        settings["stages"] = [name.strip() for name in stages.split(",") if name.strip()]
    if sensitivity is not None:
        settings |= dict.fromkeys(_sensitivities(), sensitivity)
    named = chosen_profile(profile, session.settings)
    spec = resolve(named, settings)  # a wrong call must not leave a library behind
    if flags:
        settings = with_flags(flags, settings, spec)
        spec = resolve(named, settings)
    return SubmitScan(
        paths=_paths(paths),
        profile=os.path.abspath(named) if named.endswith(".toml") else named,
        overrides=embedded(settings, spec),
        globs=globs,
        mode=mode,
        follow_links=follow_links,
    )


def _sensitivities() -> list[str]:
    """Return the sensitivity settings of the stages that find events."""
    from ..config.stages import declarations

    found = [each for each in declarations() if each.events]
    return [
        f"{each.name}.sensitivity" for each in found if "sensitivity" in each.Settings.model_fields
    ]


def _as_there(line: str) -> str:
    """Return a line as a path: a list made on Windows ends its lines with a carriage return."""

    return line.removesuffix("\r") if not os.path.lexists(line) else line


def _paths(paths: tuple[str, ...]) -> tuple[str, ...]:

    found: list[str] = []
    for path in paths:
        if path == "-":
            lines = sys.stdin.buffer.read().split(b"\n")
            found += [_as_there(os.fsdecode(line)) for line in lines if line.strip()]
        else:
            found.append(path)
    if not found:
        raise UsageError("name at least one file or folder, or '-' for a list on stdin")
    # Absolute: the engine may have another working folder.
    return tuple(absolute(path) for path in found)
