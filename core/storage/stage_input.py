"""A library as one stage needs it to run again: everything kept but its own output."""

from __future__ import annotations

from .database import Database


def keep_input_of(source: Database, target: Database, stage: str) -> None:
    """Fill a library with what another keeps, without any result and the answers of one stage.

    Measurements stay: a screening stage decides on them again. Raises EnvironmentFault.
    """
    source.copy_to(target)
    with target.transaction() as connection:
        connection.execute("DELETE FROM result_rows")
        connection.execute(
            "DELETE FROM annotations WHERE asked IN (SELECT id FROM asked WHERE stage = ?)",
            (stage,),
        )
