"""7 Profiles: presets and one's own, every setting explained, edited with comments kept."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal

from core.errors import SightlineError
from core.protocol.commands import SubmitScan
from core.protocol.requests.trials import TryProfile
from core.text import clean, counted

from ..views import profiles
from ..widgets.frame import Frame
from ..widgets.line import Content, LineSpan
from ..widgets.rows import ListSource
from ..widgets.text_pane import TextLine, TextPane
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .profile_files import ProfileFilesScreen
from .trying import FieldCheck


class ProfilesScreen(ProfileFilesScreen):
    """The list of profiles, the settings of the one under the cursor, and all about one of them."""

    scope = "profiles"

    def __init__(self) -> None:
        super().__init__()
        self._list = ListSource()
        self._settings = ListSource()
        self._trouble: dict[str, str] = {}
        self._fault = ""
        self._compared = ""
        self._found: dict[str, profiles.Setting] = {}
        """the settings shown, by name"""

    def body(self) -> ComposeResult:
        """Yield both lists, and what there is to say of the row under the cursor."""
        signs = self.app.symbols
        with Horizontal(classes="body box", id="profiles-panes"):
            with Frame(symbols=signs, title="Profiles", id="profiles-frame"):
                yield VirtualTable(profiles.LIST_COLUMNS, self._list, symbols=signs, id="profiles")
            with Frame(symbols=signs, title="Settings", id="list"):
                yield VirtualTable(profiles.SETTING_COLUMNS, self._settings, symbols=signs,
                                   id="settings", empty="no such setting")  # fmt: skip
            with Frame(symbols=signs, id="about"):
                yield TextPane(symbols=signs, id="about-text")

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
        wrong = f"{len(self._trouble)} wrong  " if self._trouble else ""
        return [LineSpan(edited, "warn"), LineSpan(wrong, "bad"),
                LineSpan(f"new scans use {self.app.profile}", "dim")]  # fmt: skip

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

    def act_find_filter(self) -> None:
        """Type a filter of settings; the list that has the focus keeps it."""
        self._setting_asked = self.table() is self.query_one("#settings", VirtualTable)
        super().act_find_filter()

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
        before = (key in self._changes, self._changes.get(key), self._trouble.get(key))
        self._setting_asked = True
        check = FieldCheck(self, given, partial(self._check, key), partial(self._back, key, before))
        self.ask(f"{key} =", given, lambda text: self._change(key, text), check)

    def _back(self, key: str, before: tuple[bool, Any, str | None]) -> None:
        """Take back what was typed: the value that was edited before, or none."""
        was_edited, value, trouble = before
        self._changes.pop(key, None)
        self._trouble.pop(key, None)
        if was_edited:
            self._changes[key] = value
        if trouble is not None:
            self._trouble[key] = trouble
        self._show()

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
        self.run_worker(self.find_faults())
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

    def act_profiles_use(self) -> None:
        """Use this profile for new scans."""
        self.app.profile = self._profile
        self.app.kept["profile"] = self._profile
        self.say(f"new scans use {self._profile}")

    def scan_command(self, path: str) -> SubmitScan:
        """Return the scan of a file with this profile and the changes as they are."""
        return SubmitScan((path,), self._profile, self._valid())

    def trial_request(self, path: str) -> TryProfile:
        """Return what is tried: the changes against what is saved, else the profile's parent."""
        changes = self._valid()
        against = "" if changes or not self._profile else profiles.parent_of(self._profile)
        return TryProfile(self._profile, path, changes, against)

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
        self._profile, self._trial, self._trial_says = event.key, None, ""
        self._show()

    @on(VirtualTable.CursorMoved, "#settings")
    @on(events.DescendantFocus)
    def _other_row(self) -> None:
        self.show_about()

    # What is shown

    def faults_found(self) -> None:
        """Show which profiles can run."""
        self._list.show(profiles.listed(self._faults))
        self.query_one("#profiles", VirtualTable).source_changed()
        self.show_about()

    def show_about(self) -> None:
        """Show what there is to say of the setting, or else the profile, under the cursor."""
        if not self.is_drawable:
            return
        pane = self.query_one("#about-text", TextPane)
        if pane.size.width:
            title, *lines = self._about(pane.size.width)
            self.query_one("#about", Frame).show(title if isinstance(title, str) else title[1])
            pane.show(lines)

    def _about(self, width: int) -> list[TextLine]:
        key = self.query_one("#settings", VirtualTable).cursor_key
        setting = self._found.get(key or "")
        in_settings = self.focused is not self.query_one("#profiles", VirtualTable)
        if self._compared or setting is None or not in_settings:
            faults = (self._faults or {}).get(self._profile)
            used = self._profile == self.app.profile
            lines = profiles.about_profile(self._profile, faults, used, not self.own_profile())
        else:
            wrong = self._trouble.get(setting.key, "")
            lines = profiles.about_setting(self._as_edited(setting), wrong)
            lines += self.judged_lines(setting)
        return [*lines, "", *self.trial_lines(width)]

    def _reload(self) -> None:
        self._list.show(profiles.listed(self._faults))
        table = self.query_one("#profiles", VirtualTable)
        table.source_changed()
        self._profile = table.cursor_key or ""
        self._show()
        self.run_worker(self.find_faults())

    def _show(self) -> None:
        self._fault, found = "", []
        try:
            found = profiles.settings(self._profile, self._valid()) if self._profile else []
        except SightlineError as error:
            self._fault = str(error)
        self._found = {setting.key: setting for setting in found}
        words = self.filter_text.casefold().split()
        self._settings.show([
            profiles.setting_row(self._as_edited(setting), self._trouble, self.app.symbols)
            for setting in found
            if all(word in f"{setting.key} {setting.meaning}".casefold() for word in words)
        ])  # fmt: skip
        table = self.query_one("#settings", VirtualTable)
        table.set_columns(profiles.SETTING_COLUMNS)
        table.source_changed()
        self.show_about()

    def _as_edited(self, setting: profiles.Setting) -> profiles.Setting:
        if setting.key not in self._trouble:
            return setting
        return replace(setting, value=self._changes[setting.key], is_edited=True)

    def _check(self, key: str, text: str) -> None:
        """Take a value that is being typed, and show beside it what is wrong with it."""
        from core.config.profiles import parse_override, resolve

        self._changes[key] = text  # stays to be seen and corrected if it is no value
        try:
            value = parse_override(f"{key}={text}")[1]
            self._changes[key] = value
            self._trouble.pop(key, None)
            resolve(self._profile, self._valid())
            self._drop_unchanged(key, value)
        except SightlineError as error:
            self._trouble[key] = str(error).rpartition(": ")[2]
        self._show()

    def _drop_unchanged(self, key: str, value: Any) -> None:
        """Forget a change that leads back to the value as it is saved."""
        saved = next(each for each in profiles.settings(self._profile, {}) if each.key == key)
        if saved.value == value:
            del self._changes[key]

    def _change(self, key: str, text: str) -> None:
        """Take a new value, and say what is wrong with it."""
        self._check(key, text)
        if key in self._trouble:
            self.say(f"{key}: {self._trouble[key]}", bad=True)

    def _valid(self) -> dict[str, Any]:
        return {key: value for key, value in self._changes.items() if key not in self._trouble}
