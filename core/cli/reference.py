"""Writes docs/cli.md and docs/profiles.md from the commands' own help and the settings' own types.

`python -m core.cli.reference` writes them, `--check` says whether they are up to date.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic.fields import FieldInfo

from ..config import profiles
from ..config.section import MEASURE
from ..config.spec import Spec, meaning, sections
from ..errors import EXIT_MEANINGS
from .main import COMMANDS, cli

DOCS = Path(__file__).parent.parent.parent / "docs"
HEAD = "<!-- Written by `make docs` from the program itself; do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """Return every generated page by file name."""
    # Help is wrapped to the terminal; pages must not depend on one.
    os.environ["COLUMNS"] = "80"
    return {"cli.md": HEAD + _cli_page(), "profiles.md": HEAD + _profiles_page()}


def main() -> None:
    """Write or check the pages; exit 1 if a check finds one that is out of date."""
    stale = []
    for name, text in pages().items():
        path = DOCS / name
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path))
    if stale:
        sys.exit(f"out of date: {', '.join(stale)}; run: make docs")


def _cli_page() -> str:
    parts = ["# Commands\n\n", _block(cli, "sightline")]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        parts += _sections(command, f"sightline {name}")
    parts.append("## Exit codes\n\n| code | meaning |\n|---|---|\n")
    parts += [f"| {int(code)} | {meaning} |\n" for code, meaning in EXIT_MEANINGS.items()]
    return "".join(parts)


def _sections(command: click.Command, name: str) -> Iterator[str]:
    yield f"## {name}\n\n"
    yield _block(command, name)
    if isinstance(command, click.Group):
        for child, sub in command.commands.items():
            yield f"### {name} {child}\n\n"
            yield _block(sub, f"{name} {child}")


def _block(command: click.Command, name: str) -> str:
    # The same names wherever a command's help is asked for first: click remembers them.
    context = click.Context(
        command,
        info_name=name,
        max_content_width=80,
        terminal_width=80,
        help_option_names=["-h", "--help"],
    )
    return f"```\n{command.get_help(context).rstrip()}\n```\n\n"


def _profiles_page() -> str:
    parts = [PROFILES_INTRODUCTION, "## Presets\n\n| preset | purpose |\n|---|---|\n"]
    for name, file in profiles.available().items():
        if file.preset:
            parts.append(f"| `{name}` | {profiles.resolve(name).description} |\n")
    parts.append("\n## Settings\n\n")
    parts.append("If you change a setting marked *reads again*, sources are measured again.\n")
    parts.append("Any other setting only re-evaluates stored measurements.\n\n")
    parts += _table("", {name: Spec.model_fields[name] for name in ("description", "stages")})
    for name, section in sections().items():
        parts.append(f"### [{name}]\n\n{(section.__doc__ or '').strip()}\n\n")
        parts += _table(name, section.model_fields)
    return "".join(parts)


def _table(section: str, fields: dict[str, FieldInfo]) -> Iterator[str]:
    yield "| setting | default | meaning |\n|---|---|---|\n"
    for name, field in fields.items():
        marked = field.json_schema_extra == MEASURE or section in ("sampling", "regions")
        again = " *reads again*" if marked else ""
        default = "required"
        if not field.is_required():
            default = _shown(field.get_default(call_default_factory=True, validated_data={}))
        key = f"{section}.{name}" if section else name
        yield f"| `{name}` | {default} | {meaning(key)}{again} |\n"
    yield "\n"


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return f"`[{', '.join(repr(item) for item in value)}]`".replace("'", '"')
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value!r}`".replace("'", '"')


PROFILES_INTRODUCTION = """\
# Profiles

A profile is a TOML file with settings. It selects the stages of a scan (each stage measures frames,
or asks a model about them), the frames they process, and their parameters. sightline includes the
presets below. Your own profiles are in the folder `profiles` of the configuration folder
(`SIGHTLINE_CONFIG`, else the platform's) and take precedence over presets of the same name.

```toml
# my-storm.toml
extends = "storm"            # inherit all other settings

[flash]
sensitivity = 0.7

[regions]
exclude = [[0.0, 0.85, 1.0, 0.15]]     # the clock burned into the lower edge
```

Regions limit where sightline searches. `include` and `exclude` accept rectangles `[x, y, width,
height]` and polygons `[[x, y], [x, y], [x, y], ...]`: fractions of the frame if all numbers of a
shape are at most 1, otherwise pixels. `mask = "mask.png"` is a picture that is stretched over the
frame: white where to search, black (or transparent) elsewhere. Its path is relative to the
profile's folder, and the scan stores the mask. `flash`, `motion` and `cut` measure only inside the
regions. Every model stage, including `verify`, gets the frame with everything else black, so
positions are still those of the frame; stored frames are black there as well. `quality` and
`dedupe` measure entire frames; thumbnails and clips show entire frames.

sightline takes the profile from the first of these that is set: `--profile`, `SIGHTLINE_PROFILE`
(or `LD_PROFILE`), `profile` in `settings.toml`; otherwise it uses `quick`. On the command line,
`--set section.key=value` and the short options (`--stages`, `--sensitivity`, `--fps`, `--dtype` and
others that `scan --help` lists) override its settings; a short option applies only if you give it.

`settings.toml` in the configuration folder sets your defaults: `profile` (a name), `library` (a
folder), `quiet` and `no_color` (true or false). For the app it can set `theme` (a name), `mouse`,
`ascii` and `low_bandwidth` (true or false), the table `[keys]` (see [keys](keys.md)), and in
`[review]`, `advance` (`next` or `stay`, see [the app](app.md)). In `[plugins]`, `enabled` lists
[plugins](plugins.md). Options and environment variables override it.

`sightline profiles new NAME --extends storm` creates a profile. `profiles edit NAME` opens it in
`$EDITOR`; with `--set` it changes single settings and keeps the comments. `profiles show NAME
--resolved` prints every value, and `profiles validate` checks all profiles. `profiles try NAME FILE
--set flash.sensitivity=0.7` lists the events of one video that a change would add or lose, and how
many of your [judgements](judging.md) it keeps; it decides on stored measurements, and reads that
file only if there are none with these settings.

An unknown setting is an error that names the nearest known one.

"""

if __name__ == "__main__":
    main()
