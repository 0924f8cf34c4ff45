"""Going from what was found just now to its row in Results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.protocol.queries import MOST_ROWS, ListResults
from core.protocol.requests.review import GetFiles

from ..views import results

if TYPE_CHECKING:
    from ..app import SightlineApp
    from ..views.just_found import Find

NOT_FINAL = "not final yet: it will be in this list once its file is read"


async def show_find(app: SightlineApp, find: Find) -> str:
    """Show the results of a find's scan, with the cursor on the event nearest to it."""
    found = await _row_of(app, find)
    app.kept["results.scan"] = find.scan
    if found is None:
        app.go("results")
        return NOT_FINAL
    place, row = found
    app.kept |= {"results.key": results.key_of(row), "results.index": place}
    app.go("results")
    table = app.current_screen.table() if app.current_screen else None
    if table is not None:
        table.return_to(results.key_of(row), place)
    return ""


async def _row_of(app: SightlineApp, find: Find) -> tuple[int, dict[str, Any]] | None:
    """Return place and row of the event of the find's source and kind that is nearest in time."""
    asked = ListResults(scan=find.scan)
    first = 0
    for each in (await app.bridge.ask(GetFiles(asked))).files:
        if each.task == find.number:
            last = first + min(each.rows, MOST_ROWS)
            page = await app.bridge.ask(ListResults(scan=find.scan, first=first, last=last))
            rows = [pair for pair in enumerate(page.rows, first) if pair[1]["kind"] == find.kind]
            return min(rows, key=lambda pair: abs(pair[1]["seconds"] - find.seconds), default=None)
        first += each.rows
    return None
