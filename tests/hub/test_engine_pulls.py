"""A pull as a job of the engine says the same as a pull without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from core.protocol.commands import PullModel
from core.protocol.messages import JobFinished, JobReported
from core.service.client import LocalClient
from tests.hub.conftest import model_files
from tests.hub.local_hub import LocalHub
from tests.hub.test_layouts import REFUSED
from tests.hub.test_pulling import REPO
from tests.test_jobs import ended, engine


async def said(client: LocalClient, job: int) -> AsyncIterator[dict[str, str]]:
    async for _, message in client.events(0):
        if isinstance(message, JobReported) and message.scan == job:
            yield message.body
        if isinstance(message, JobFinished) and message.scan == job:
            return


def test_a_job_reports_waits_and_refusals(local_hub: LocalHub, tmp_path: Path) -> None:
    local_hub.add(REPO, model_files())
    local_hub.add("org/adapter", REFUSED["adapter without configuration"][0])

    async def run() -> None:
        async with engine(tmp_path) as client:
            local_hub.faults.too_many, local_hub.faults.retry_after = 1, "1"
            pull = await client.send(PullModel(REPO))
            assert (await ended(client, pull)).state == "done"
            (first, *_) = [line async for line in said(client, pull)]
            assert (first["type"], "waiting 1 s as it asks" in first["text"]) == (
                "PullNotice",
                True,
            )
            refused = await client.send(PullModel("org/adapter"))
            end = await ended(client, refused)
            assert (end.state, "is an adapter (PEFT) of org/base" in end.reason) == ("failed", True)
            local_hub.faults.retry_after = "0"
            local_hub.faults.too_many = 1000
            again = await client.send(PullModel(REPO))
            assert (await ended(client, again)).state == "done"
            lines = [line async for line in said(client, again)]
            assert [line["type"] for line in lines] == ["PullNotice", "PullFinished"]
            assert "is complete on this disk" in lines[0]["text"]

    asyncio.run(run())
