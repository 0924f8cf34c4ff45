"""6 GPU: the machine now and over the last hour, and what ran when."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical

from core.errors import SightlineError

from ..views import gpu
from ..widgets.frame import Frame
from ..widgets.history_graph import BASES, HistoryGraph
from ..widgets.line import Content, Line
from ..widgets.rows import ListSource
from ..widgets.symbols import ASCII
from ..widgets.text_pane import TextPane
from ..widgets.virtual_table import VirtualTable
from .screen import AppScreen

MOST_GRAPHS = 8
GRAPH_LINES = 3
"""a title and two lines of graph"""
LINES_AROUND = 12
"""tabs, the edges of three panes, the time cursor's line, three of processes, and keys"""


class GpuScreen(AppScreen):
    """Live figures, one graph a GPU (and one of the CPU), and the processes on them."""

    scope = "gpu"

    def __init__(self) -> None:
        super().__init__()
        self._base = "5m"
        self._ours_only = False
        self._samples: list[dict[str, Any]] = []
        self._since = 0.0
        self._fetching = False
        self._processes = ListSource()

    def body(self) -> ComposeResult:
        """Yield figures, graphs and processes."""
        signs = self.app.symbols
        with Frame(symbols=signs, title="Machine", id="now-frame"):
            yield TextPane(symbols=signs, wrap=False, id="now")
        with Frame(symbols=signs, title="History", id="graph-frame"):
            with Vertical(id="graphs"):
                yield Line("CPU", symbols=signs, id="cpu-title")
                yield HistoryGraph(symbols=signs, id="cpu", tones=("good",))
            yield Line(id="then", symbols=signs)
        with Frame(symbols=signs, title="Processes", id="list"):
            yield VirtualTable(gpu.PROCESS_COLUMNS, self._processes, symbols=signs,
                               empty="no process on any GPU")  # fmt: skip

    def draw(self) -> None:
        """Show the newest figures; fetch what was measured since."""
        machine = self.state.machine if self.state else None
        pane = self.query_one("#now", TextPane)
        lines = gpu.lines(machine, pane.size.width, self.app.symbols)
        self._divide(len(lines))
        pane.show(lines)
        self._processes.show(
            gpu.process_rows(machine, ours_only=self._ours_only, text=self.filter_text)
        )
        self.query_one(VirtualTable).source_changed()
        if machine is not None and machine.at_seconds > self._since:
            self._fetch_samples()
        cursor = self._graphs()[0].cursor_seconds
        self.query_one("#then", Line).show(gpu.then(self._samples, cursor))
        keys = self.pane_key("gpu.base", "time base")
        self.query_one("#graph-frame", Frame).show("History", f"the last {self._base}", keys=keys)

    def _divide(self, lines: int) -> None:
        """Give the figures their lines, and what is left of the screen to as many graphs."""
        left = max(self.size.height - LINES_AROUND, GRAPH_LINES)
        bare = self.has_class("-bare")
        figures = min(lines, max(left - GRAPH_LINES, left // 2))
        graphs = 1 if bare else min(max((left - figures) // GRAPH_LINES, 1), len(self._graphs()))
        self.query_one("#graphs").styles.height = graphs * GRAPH_LINES
        self.query_one("#now-frame").styles.height = "1fr" if bare else figures + 2
        self.query_one("#graph-frame").styles.height = "1fr" if bare else graphs * GRAPH_LINES + 3

    def heading(self) -> str:
        """Return what is listed."""
        return "Processes"

    def summary(self) -> Content:
        """Return whose processes are listed."""
        return "our processes" if self._ours_only else "all processes"

    def time_cursor_on(self) -> bool:
        """Return whether a moment of the past is pointed at."""
        return self._graphs()[0].cursor_seconds is not None

    def act_gpu_base(self) -> None:
        """Span the next time base."""
        names = list(BASES)
        self._base = names[(names.index(self._base) + 1) % len(names)]
        for graph in self._graphs():
            graph.set_base(self._base)

    def act_gpu_processes(self) -> None:
        """List our processes only, or all."""
        self._ours_only = not self._ours_only

    def act_gpu_earlier(self) -> None:
        """Point further back."""
        self._point(-1)

    def act_gpu_later(self) -> None:
        """Point less far back."""
        self._point(1)

    def act_gpu_now(self) -> None:
        """Point at nothing."""
        for graph in self._graphs():
            graph.set_cursor(None)

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return the process under the cursor, and all figures as they are."""
        machine = self.state.machine if self.state else None
        lines = gpu.lines(machine, 120, ASCII)
        place = self.query_one(VirtualTable).cursor_index
        rows = self._processes.window(place, place + 1) if place >= 0 else ()
        here = [" ".join(map(str, row.cells)) for row in rows if row is not None]
        return [
            *((line, f"process: {line}") for line in here),
            ("\n".join(lines), "current figures"),
        ]

    def _point(self, columns: int) -> None:
        first, *others = self._graphs()
        at = first.cursor_by(columns)
        for graph in others:
            graph.set_cursor(at)

    def _graphs(self) -> list[HistoryGraph]:
        return list(self.query(HistoryGraph))

    def _fetch_samples(self) -> None:
        if not self._fetching:
            self._fetching = True
            self.run_worker(self._fetch())

    async def _fetch(self) -> None:
        try:
            await self._fetched()
        finally:
            self._fetching = False

    async def _fetched(self) -> None:
        from core.protocol.requests.engine import GetSamples

        try:
            fresh = list((await self.app.bridge.ask(GetSamples(self._since))).samples)
        except SightlineError:
            return
        if not fresh:
            return
        self._since = fresh[-1]["at_seconds"]
        self._samples = (self._samples + fresh)[-3600:]
        await self._mount_graphs(len(fresh[-1]["gpus"]))
        self._feed(fresh)

    async def _mount_graphs(self, gpus: int) -> None:
        """Add a graph of each GPU the first time it is seen."""
        for number in range(min(gpus, MOST_GRAPHS)):
            if not self.query(f"#gpu-{number}"):
                graph = HistoryGraph(symbols=self.app.symbols, id=f"gpu-{number}", base=self._base)
                title = Line(f" GPU {number} use", symbols=self.app.symbols)
                await self.query_one("#graphs").mount(title, graph, before="#cpu-title")
                graph.extend(_of_gpu(self._samples, number))

    def _feed(self, fresh: list[dict[str, Any]]) -> None:
        cpu = self.query_one("#cpu", HistoryGraph)
        cpu.extend((sample["at_seconds"], sample["cpu"] * 100) for sample in fresh)
        cpu.show()
        for number in range(len(fresh[-1]["gpus"])):
            for graph in self.query(f"#gpu-{number}").results(HistoryGraph):
                graph.extend(_of_gpu(fresh, number))
                graph.show()


def _of_gpu(samples: list[dict[str, Any]], number: int) -> list[tuple[float, float | None]]:
    found: list[tuple[float, float | None]] = []
    for sample in samples:
        if number < len(sample["gpus"]):
            use = sample["gpus"][number][0]
            found.append((sample["at_seconds"], None if use is None else use * 100))
    return found
