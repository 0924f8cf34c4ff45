"""7 Profiles: presets and one's own, every setting explained, edited with comments kept."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from core.errors import SightlineError
from core.protocol.commands import SubmitScan
from core.text import clean, counted

from ..views import profiles
from ..widgets.frame import Frame
from ..widgets.line import Content, LineSpan
from ..widgets.rows import ListSource
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .screen import AppScreen


class ProfilesScreen(AppScreen):
    """The list of profiles, and beside it the settings of the one under the cursor."""

    scope = "profiles"

    def __init__(self) -> None:
        super().__init__()
        self._list = ListSource()
        self._settings = ListSource()
        self._changes: dict[str, Any] = {}
        self._trouble: dict[str, str] = {}
        self._profile = ""
        self._fault = ""
        self._compared = ""
        self._setting_asked = False

    def body(self) -> ComposeResult:
        """Yield both lists."""
        signs = self.app.symbols
        with Horizontal(classes="body box"):
            with Frame(symbols=signs, title="Profiles", id="profiles-frame"):
                yield VirtualTable(profiles.LIST_COLUMNS, self._list, symbols=signs, id="profiles")
            with Frame(symbols=signs, title="Settings", id="list"):
                yield VirtualTable(profiles.SETTING_COLUMNS, self._settings, symbols=signs,
                                   id="settings", empty="no such setting")  # fmt: skip

    def on_mount(self) -> None:
        """List what there is."""
        self._list.show(profiles.listed())
        super().on_mount()
        self._reload()

    def heading(self) -> str:
        """Return whose settings are shown."""
        return self._compared or self._profile or "Settings"

    def summary(self) -> Content:
        """Return what is edited, and what is wrong with it."""
        if self._fault:
            return [LineSpan(self._fault, "bad")]
        if self._compared:
            differing = counted(self._settings.count(), "setting differs", "settings differ")
            return [LineSpan(differing), LineSpan("  esc: back", "dim")]
        edited = f"{len(self._changes)} edited, w saves  " if self._changes else ""
        return [LineSpan(edited, "warn"), LineSpan(f"new scans use {self.app.profile}", "dim")]

    def place(self) -> str:
        """Return where the cursor is among the settings."""
        table = self.query_one("#settings", VirtualTable)
        return f"{table.cursor_index + 1} of {table.row_count}" if table.row_count else ""

    def table(self) -> VirtualTable | None:
        """Return the list that has the focus."""
        focused = self.focused
        if isinstance(focused, VirtualTable):
            return focused
        return self.query_one("#profiles", VirtualTable)

    def set_filter(self, text: str) -> None:
        """Show only settings that hold all words."""
        super().set_filter(text)
        self._show()

    # Conditions

    def editing(self) -> bool:
        """Return whether something was changed and not saved."""
        return bool(self._changes)

    def own_profile(self) -> bool:
        """Return whether the profile is the user's own."""
        from core.config.profiles import available

        found = available().get(self._profile)
        return found is not None and not found.preset

    # Actions

    def _asked_from(self) -> VirtualTable:
        return self.query_one("#settings" if self._setting_asked else "#profiles", VirtualTable)

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return the setting under the cursor as a profile holds it, and the profile's name."""
        table = self.query_one("#settings", VirtualTable)
        place = table.cursor_index
        rows = [] if place < 0 else self._settings.window(place, place + 1)
        lines = [f"{row.cells[0]} = {row.cells[1]}" for row in rows if row is not None]
        return [*((line, f"setting: {line}") for line in lines),
                (self._profile, f"profile: {self._profile}")]  # fmt: skip

    def act_app_back(self) -> None:
        """Leave the comparison, else as everywhere."""
        if self._compared:
            self._compared = ""
            self._show()
            return
        super().act_app_back()

    def act_profiles_edit(self) -> None:
        """Edit the setting under the cursor; a preset is copied first."""
        if not self.own_profile():
            self.say("presets cannot be changed; a creates a profile that extends it")
            return
        settings = self.query_one("#settings", VirtualTable)
        if self.focused is not settings or settings.cursor_key is None:
            settings.focus()
            self.say("select a setting, then press e or enter")
            return
        key = settings.cursor_key
        now = next(s for s in profiles.settings(self._profile, self._valid()) if s.key == key)
        given = profiles.shown_value(self._changes.get(key, now.value))
        self._setting_asked = True
        self.ask(f"{key} =  ({now.meaning})", given, lambda text: self._change(key, text))

    def propose(self, profile: str, setting: str, value: Any) -> None:
        """Show a profile with a setting as if it had been edited, not saved.

        Unsaved changes of another profile stay as they are.
        """
        table = self.query_one("#profiles", VirtualTable)
        if self._changes and profile != self._profile:
            self.say(f"{self._profile} has unsaved changes: w saves, r discards them")
            return
        if not table.cursor_to_key(profile):
            self.say(f"there is no profile {clean(profile)} any more", bad=True)
            return
        self._profile = profile
        self.filter_text = ""
        self._change(setting, str(value))
        settings = self.query_one("#settings", VirtualTable)
        settings.cursor_to_key(setting)
        settings.focus()
        if not self.own_profile():
            self.say("not saved; a preset cannot be changed: a creates a profile with this value")

    def act_profiles_save(self) -> None:
        """Write the changes; comments stay."""
        from core.config.profiles import edit

        if self._trouble:
            self.say("not saved: " + next(iter(self._trouble.values())), bad=True)
            return
        try:
            path = edit(self._profile, self._changes)
        except SightlineError as error:
            self.say(str(error), bad=True)
            return
        self._changes.clear()
        self._show()
        self.say(f"saved to {clean(str(path))}")

    def act_profiles_revert(self) -> None:
        """Throw the changes away, after asking."""

        def chosen(how: str | None) -> None:
            if how == "yes":
                self._changes.clear()
                self._trouble.clear()
                self._show()

        self.app.push_screen(
            ChooseScreen(
                f"Discard {counted(len(self._changes), 'change')}?",
                (("no", "Keep them"), ("yes", "Discard them")),
                self.app.symbols,
            ),
            chosen,
        )

    def act_profiles_new(self) -> None:
        """Make a profile of one's own that extends this one."""
        base = self._profile
        self._setting_asked = False
        self.ask("name of the new profile", f"my-{base}", lambda name: self._made(name, base))

    def act_profiles_use(self) -> None:
        """Use this profile for new scans."""
        self.app.profile = self._profile
        self.app.kept["profile"] = self._profile
        self.say(f"new scans use {self._profile}")

    def act_profiles_try(self) -> None:
        """Scan one file with this profile and the changes as they are."""
        from .add import AddScreen

        def chosen(found: Any) -> None:
            if found is not None:
                command = SubmitScan(found.paths[:1], self._profile, self._valid())
                self.work(self._tried(command))

        self.app.push_screen(AddScreen(self._profile, self.app.symbols), chosen)

    async def _tried(self, command: SubmitScan) -> str:
        """Go to the queue once the scan is in it; why it is refused is said here."""
        said = await self.app.submit(command)
        self.app.go("queue")
        return said

    def act_profiles_compare(self) -> None:
        """Show in which settings the two marked profiles differ."""
        one, other = self.query_one("#profiles", VirtualTable).marks
        try:
            rows = profiles.compared(one, other)
        except SightlineError as error:
            self.say(str(error), bad=True)
            return
        self._compared = f"{one} and {other}"
        self._settings.show(rows)
        table = self.query_one("#settings", VirtualTable)
        table.set_columns(profiles.COMPARE_COLUMNS)
        table.source_changed()

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

    def act_list_open(self) -> None:
        """Go to the settings, or edit the one under the cursor."""
        settings = self.query_one("#settings", VirtualTable)
        if self.focused is settings:
            self.act_profiles_edit()
        else:
            settings.focus()

    @on(VirtualTable.CursorMoved, "#profiles")
    def _moved(self, event: VirtualTable.CursorMoved) -> None:
        if event.key is None or event.key == self._profile:
            return
        if self._changes:
            self.say(f"{self._profile} has unsaved changes: w saves, r discards them")
            self.query_one("#profiles", VirtualTable).cursor_to_key(self._profile)
            return
        self._profile = event.key
        self._show()

    # What is shown

    def _reload(self) -> None:
        self._list.show(profiles.listed())
        table = self.query_one("#profiles", VirtualTable)
        table.source_changed()
        self._profile = table.cursor_key or ""
        self._show()

    def _show(self) -> None:
        self._fault, found = "", []
        try:
            found = profiles.settings(self._profile, self._valid()) if self._profile else []
        except SightlineError as error:
            self._fault = str(error)
        words = self.filter_text.casefold().split()
        shown = [
            profiles.setting_row(self._as_edited(setting), self._trouble)
            for setting in found
            if all(word in f"{setting.key} {setting.meaning}".casefold() for word in words)
        ]
        self._settings.show(shown)
        table = self.query_one("#settings", VirtualTable)
        table.set_columns(profiles.SETTING_COLUMNS)
        table.source_changed()

    def _as_edited(self, setting: profiles.Setting) -> profiles.Setting:
        if setting.key not in self._trouble:
            return setting
        return profiles.Setting(setting.key, self._changes[setting.key], "edited", setting.meaning)

    def _change(self, key: str, text: str) -> None:
        """Take a new value, and say at once beside it what is wrong with it."""
        from core.config.profiles import parse_override, resolve

        self._changes[key] = text  # stays to be seen and corrected if it is no value
        try:
            value = parse_override(f"{key}={text}")[1]
            self._changes[key] = value
            self._trouble.pop(key, None)
            resolve(self._profile, self._valid())
        except SightlineError as error:
            self._trouble[key] = str(error).rpartition(": ")[2]
            self.say(str(error), bad=True)
        self._show()

    def _valid(self) -> dict[str, Any]:
        return {key: value for key, value in self._changes.items() if key not in self._trouble}

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
