"""Profiles of one's own: making and deleting them."""

from __future__ import annotations

from typing import Any

from core.errors import SightlineError
from core.text import clean

from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .trying import TryingScreen


class ProfileFilesScreen(TryingScreen):
    """The side of the Profiles screen that makes and deletes profiles."""

    def __init__(self) -> None:
        super().__init__()
        self._profile = ""
        self._changes: dict[str, Any] = {}
        self._setting_asked = False

    def _reload(self) -> None:
        raise NotImplementedError

    def _show(self) -> None:
        raise NotImplementedError

    def act_profiles_new(self) -> None:
        """Make a profile of one's own that extends this one."""
        base = self._profile
        self._setting_asked = False
        self.ask("name of the new profile", f"my-{base}", lambda name: self._made(name, base))

    def act_profiles_delete(self) -> None:
        """Delete one's own profile, after asking."""
        from core.config.profiles import remove

        def chosen(how: str | None) -> None:
            if how != "yes":
                return
            try:
                path = remove(self._profile)
            except SightlineError as error:
                self.say(str(error), bad=True)
                return
            if self.app.profile == self._profile:
                self.app.profile = self.app.kept["profile"] = self.app.options.profile
            self._reload()
            self.say(f"deleted {clean(str(path))}")

        self.app.push_screen(
            ChooseScreen(
                f"Delete the profile {self._profile}?",
                (("no", "Keep it"), ("yes", "Delete it")),
                self.app.symbols,
            ),
            chosen,
        )

    def _made(self, name: str, base: str) -> None:
        from core.config.profiles import create

        try:
            path = create(name.strip(), base)
        except SightlineError as error:
            self.say(str(error), bad=True)
            return
        changes, self._changes = self._changes, {}
        self._reload()
        self.query_one("#profiles", VirtualTable).cursor_to_key(name.strip())
        self._profile, self._changes = name.strip(), changes
        self._show()
        self.say(f"tab to its settings, e edits; made {clean(str(path))}")
