"""`sightline doctor`."""

from __future__ import annotations

import click

from ..errors import ExitCode
from .output import Session


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_obj
def command(session: Session, as_json: bool) -> int:
    """Check this machine and print how to fix each problem."""
    from ..doctor.report import Status, examine
    from ..doctor.report import as_json as body

    findings = []
    for finding in examine(session.library):
        findings.append(finding)
        if not as_json:
            session.out.result(f"{finding.status.value:8} {finding.check:12} {finding.text}")
            if finding.mend:
                session.out.result(f"{'':21} fix: {finding.mend}")
    if as_json:
        session.out.json(body(findings))
    failed = any(finding.status is Status.FAILURE for finding in findings)
    return int(ExitCode.ENVIRONMENT if failed else ExitCode.OK)
