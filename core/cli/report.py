"""`sightline report`."""

from __future__ import annotations

from pathlib import Path

import click

from ..doctor.report import findings
from ..protocol.bug_report import markdown
from ..protocol.requests.reports import GetBugReport
from ..service.client import ask_library
from ..service.local import write_file
from ..text import clean_path, json_text
from .output import Session


@click.command()
@click.option("--bug", "scan", type=int, required=True, metavar="SCAN", help="Number of the scan.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the report to a file instead of stdout.",
)
@click.option("--names", is_flag=True, help="Do not replace the names of files and folders.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.pass_obj
def command(
    session: Session, scan: int, out: Path | None, names: bool, as_json: bool
) -> int:  # fmt: skip
    """Write a bug report about a scan.

    The report contains what a maintainer needs to reproduce a fault: settings, versions, failures,
    warnings, the findings of `doctor` and the log of that time, as Markdown to paste into an issue.
    It contains no frames and no results. Names of files and folders, your user name and access
    tokens are replaced; read it before you publish it.

      sightline report --bug 3 --out bug.md
    """
    body = ask_library(session.library, GetBugReport(scan, names, findings(session.library))).body
    text = json_text(body, indent=2) + "\n" if as_json else markdown(body)
    if out is None:
        for line in text.splitlines():
            session.out.result(line)
        return 0
    write_file(out.absolute(), text.encode())
    session.out.note(f"written to {clean_path(str(out))}; read it before you publish it")
    return 0
