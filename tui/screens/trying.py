"""What a profile would do: trials on one file, judgements it keeps, models that are missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from core.errors import SightlineError
from core.protocol.commands import SubmitScan
from core.protocol.queries import ListTasks
from core.protocol.requests.models import GetProfileFaults
from core.protocol.requests.trials import (
    GetJudgedAt,
    JudgedAtEach,
    TrialProgress,
    Tried,
    TryProfile,
)
from core.text import clean, counted

from ..views import profiles
from ..widgets.text_pane import TextLine
from .latest import run_latest
from .narrowing import Narrowing
from .screen import AppScreen

SENSITIVITY = ".sensitivity"
HIGH = 0.9
"""a sensitivity to compare with"""


class TryingScreen(AppScreen):
    """The side of the Profiles screen that asks the engine."""

    def __init__(self) -> None:
        super().__init__()
        self._faults: dict[str, tuple[str, ...]] | None = None
        self._judged: dict[tuple[str, tuple[float, ...]], JudgedAtEach] = {}
        self._judged_asked: tuple[str, tuple[float, ...]] | None = None
        self._trial: Tried | None = None
        self._trial_names = ("saved", "now")
        self._trial_seconds = 0.0
        self._trial_says = ""

    def trial_request(self, path: str) -> TryProfile:
        """Return what is to be tried on a file."""
        raise NotImplementedError

    def scan_command(self, path: str) -> SubmitScan:
        """Return what scans a file with the settings as they are."""
        raise NotImplementedError

    def show_about(self) -> None:
        """Show what is known of the setting or profile under the cursor."""
        raise NotImplementedError

    async def find_faults(self) -> None:
        """Find out which profiles can run."""
        from core.config.profiles import available

        try:
            names = tuple(available())
            found = await self.app.bridge.ask(GetProfileFaults(names))
        except SightlineError:
            return  # not known
        if self.is_drawable:
            self._faults = {name: found.faults.get(name, ()) for name in names}
            self.faults_found()

    def faults_found(self) -> None:
        """Show which profiles can run."""

    # Trials

    def act_profiles_try(self) -> None:
        """Try the settings as they are on the file that was tried last, or on a known video."""
        run_latest(self, "trial", self._try_kept)

    def act_profiles_file(self) -> None:
        """Choose the file to try the settings on."""
        from .add import AddScreen

        def chosen(found: Any) -> None:
            if found is not None:
                self.app.kept["profiles.file"] = found.paths[0]
                self.act_profiles_try()

        self.app.push_screen(AddScreen(self.app.profile, self.app.symbols), chosen)

    def act_profiles_scan(self) -> None:
        """Scan one file with the settings as they are."""
        from .add import AddScreen

        def chosen(found: Any) -> None:
            if found is not None:
                self.work(self._scanned(self.scan_command(found.paths[0])))

        self.app.push_screen(AddScreen(self.app.profile, self.app.symbols), chosen)

    async def _scanned(self, command: SubmitScan) -> str:
        """Go to the queue once the scan is in it; why it is refused is said here."""
        said = await self.app.submit(command)
        self.app.go("queue")
        return said

    async def _try_kept(self) -> None:
        path = self.app.kept.get("profiles.file") or await self._known_video()
        if not isinstance(path, str) or not path:
            self.act_profiles_file()
            return
        self.app.kept["profiles.file"] = path
        await self._tried(self.trial_request(path))

    async def _known_video(self) -> str:
        """Return the first video of the newest scan that has one."""
        try:
            rows = (await self.app.bridge.ask(ListTasks(last=500))).rows
        except SightlineError:
            return ""
        done = ("done", "known")
        return next((r["path"] for r in rows if r["kind"] == "video" and r["state"] in done), "")

    async def _tried(self, request: TryProfile) -> None:
        self._trial, self._trial_says = None, "deciding"
        self.show_about()
        began, parts = time.monotonic(), []
        try:
            async with aclosing(self.app.bridge.stream(request)) as stream:
                async for part in stream:
                    parts.append(part)
                    if isinstance(part, TrialProgress):
                        self._say_progress(part)
        except SightlineError as error:
            self._trial_says = str(error)
            self.say(str(error), bad=True)
        else:
            self._trial, self._trial_says = TryProfile.gathered(parts), ""
            self._trial_names = (request.against or "saved", request.profile if
                                 request.against else "now")  # fmt: skip
            self._trial_seconds = time.monotonic() - began
        self.show_about()

    def _say_progress(self, part: TrialProgress) -> None:
        of = f" of {part.total}" if part.total else ""
        self._trial_says = f"reading this file: {counted(part.done, 'frame')}{of}"
        self.show_about()

    def trial_lines(self, width: int) -> list[TextLine]:
        """Return the trial, how far it is, or how to make one."""
        if self._trial is not None:
            return profiles.trial_lines(
                self._trial, self._trial_names, self._trial_seconds, width, self.app.symbols
            )
        if self._trial_says:
            return [("warn", clean(self._trial_says))]
        one, other = (" ".join(self.app.keymap[f"profiles.{n}"][:1]) for n in ("try", "file"))
        return [("dim", f"{one}: try it on a file  {other}: on another")]

    # Judgements

    def judged_lines(self, setting: profiles.Setting) -> list[TextLine]:
        """Return what a sensitivity keeps of all that was judged; asked for once."""
        kind, _, _ = setting.key.rpartition(".")
        numbers = [n for n in (setting.was, setting.value) if isinstance(n, (int, float))]
        if not setting.key.endswith(SENSITIVITY) or not numbers:
            return []
        wanted = kind, tuple(sorted({*(round(float(n), 4) for n in numbers), HIGH}))
        if wanted not in self._judged and wanted != self._judged_asked:
            self._judged_asked = wanted
            self.run_worker(self._ask_judged(wanted))
        return profiles.judged_lines(self._judged.get(wanted), kind)

    async def _ask_judged(self, wanted: tuple[str, tuple[float, ...]]) -> None:
        try:
            self._judged[wanted] = await self.app.bridge.ask(GetJudgedAt(*wanted))
        except SightlineError:
            return  # not known: it is left out
        self.show_about()


class FieldCheck(Narrowing):
    """Checks a value while it is typed, and takes it back when the typing is given up."""

    def __init__(
        self, screen: AppScreen, given: str, check: Callable[[str], None],
        restore: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(screen, check)
        self._before = self._last = given
        self._restore = restore

    def undo(self) -> None:
        """Bring back the value that was there before."""
        self.stop()
        if self._last != self._before:
            self._restore()
