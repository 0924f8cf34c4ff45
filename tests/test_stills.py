"""Pictures of instants: a listed result names its frame."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import UnknownName
from core.protocol.queries import ListResults
from core.protocol.requests.pictures import GetStill
from core.service.client import LibraryClient
from core.times import WrittenTime
from tests.workbench import Cli


def test_a_result_names_its_frame_and_nothing_beyond_the_library_is_read(
    tmp_path: Path, storm: Path, pictures: Path
) -> None:
    cli = Cli(tmp_path)
    cli("scan", storm, "--profile", "quick", "--no-ui")

    async def run() -> None:
        client = LibraryClient(tmp_path / "library")
        try:
            row = (await client.ask(ListResults(last=1))).rows[0]
            await _check(client, row)
        finally:
            await client.close()

    async def _check(client: LibraryClient, row: dict[str, Any]) -> None:
        when = WrittenTime(row["seconds"])
        looked_for = await client.ask(GetStill(row["path"], when, 200))
        named = replace(when, scan=row["scan"])
        found = await client.ask(GetStill(row["path"], named, 200, row["content"]))
        assert found.jpeg == looked_for.jpeg
        # Only a path that was scanned with this content is read without being looked for.
        other = await client.ask(GetStill(row["path"], named, 200, "b2:none"))
        assert other.jpeg == found.jpeg
        outside = str(next(pictures.glob("*.png")))
        with pytest.raises(UnknownName):
            await client.ask(GetStill(outside, when, 200, row["content"]))
        with pytest.raises(UnknownName):
            await client.ask(GetStill(outside, named, 200, row["content"]))

    asyncio.run(run())
