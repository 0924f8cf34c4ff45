"""Everything that can be done in the app, once: bindings, footer, menu, palette and docs follow.

Which keys do it is in the keymap: the defaults here, changed by the user's settings (`keys.py`).
Textual is imported only where bindings are made, so that docs are written without it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .names import textual_name

if TYPE_CHECKING:
    from textual.binding import Binding

Keymap = Mapping[str, tuple[str, ...]]
"""the keys of every action, by its id; none is fine, the palette and the menu know it still"""

EVERYWHERE = "everywhere"
SCREENS = {
    "queue": "Queue", "results": "Results", "search": "Search", "compare": "Compare",
    "models": "Models", "gpu": "GPU", "profiles": "Profiles", "log": "Log",
}  # fmt: skip
GROUPS = ("Do", "Mark", "Look", "Find", "Move", "Screens", "App")
"""in the order of menu and docs"""

CONDITIONS = {
    "row_here": "a row is under the cursor",
    "job_active": "the job is running or waiting",
    "scan_here": "the row is a source of a scan",
    "watching": "a folder is watched",
    "rows_marked": "at least one row is marked",
    "two_marked": "exactly two rows are marked",
    "searching": "a filter is active",
    "download_here": "the model under the cursor is being downloaded",
    "model_absent": "the model under the cursor is not on this disk",
    "model_present": "the model under the cursor is on this disk",
    "model_pinned": "the model under the cursor is pinned to a commit",
    "editing": "there are unsaved changes",
    "own_profile": "the profile under the cursor is not a preset",
    "judged_before": "something was judged here",
    "can_cut": "the row under the cursor is an event or a candidate",
    "time_cursor_on": "the graphs show a moment of the past",
}
"""what an action may need, by the name of the method of screen or app that says so"""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done; `scopes` are screens, or `everywhere`.

    `footer` is its word in the key row, empty to leave it out there. `when` names the condition
    (see CONDITIONS) without which it is not offered. What `writes` changes something in the
    engine, and is not offered to a viewer who only reads.
    """

    id: str
    title: str
    keys: tuple[str, ...]
    scopes: tuple[str, ...]
    group: str
    footer: str = ""
    when: str = ""
    writes: bool = False


def _everywhere(  # one line an action reads better than seven
    name: str, keys: str, group: str, title: str, footer: str = "", when: str = ""
) -> Action:
    return Action(name, title, tuple(keys.split()), (EVERYWHERE,), group, footer, when)


def _on(
    scopes: str, name: str, keys: str, title: str, footer: str = "", when: str = "",
    *, group: str = "Do", writes: bool = False,
) -> Action:  # fmt: skip
    return Action(
        name, title, tuple(keys.split()), tuple(scopes.split()), group, footer, when, writes
    )


ACTIONS: tuple[Action, ...] = (
    *(
        _everywhere(f"screen.{name}", str(number), "Screens", f"Go to {title}")
        for number, (name, title) in enumerate(SCREENS.items(), 1)
    ),
    _everywhere("screen.former", "-", "Screens", "Go to the previous screen"),
    _everywhere("move.down", "j down", "Move", "Down"),
    _everywhere("move.up", "k up", "Move", "Up"),
    _everywhere("move.first", "g home", "Move", "To the first row"),
    _everywhere("move.last", "G end", "Move", "To the last row"),
    _everywhere("move.half_down", "ctrl+d", "Move", "Half a page down"),
    _everywhere("move.half_up", "ctrl+u", "Move", "Half a page up"),
    _everywhere("move.page_down", "pgdn", "Move", "A page down"),
    _everywhere("move.page_up", "pgup", "Move", "A page up"),
    _everywhere("pane.next", "tab", "Move", "To the next pane"),
    _everywhere("pane.former", "shift+tab", "Move", "To the previous pane"),
    _everywhere("pane.tab_next", "]", "Move", "Next tab of the pane"),
    _everywhere("pane.tab_former", "[", "Move", "Previous tab of the pane"),
    _everywhere("find.filter", "/", "Find", "Filter the list", "filter"),
    _everywhere("list.open", "enter", "Do", "Open the current row", "open", "row_here"),
    _everywhere("copy.menu", "c", "Do", "Copy: name, moment, text, the row", "copy"),
    _everywhere("app.jump", "f", "Move", "Jump to a pane or row by its label", "jump"),
    _everywhere("pane.zoom", "z", "Look", "Maximise the pane, or restore it"),
    _everywhere("pane.larger", "+", "Look", "Make the pane larger"),
    _everywhere("pane.smaller", "_", "Look", "Make the pane smaller"),
    _everywhere("app.palette", ": ctrl+p", "App", "Run any command by name", "command"),
    _everywhere("app.detach", "d ctrl+z", "App", "Close the app; jobs continue", "detach"),
    _everywhere("app.help", "?", "App", "List the available actions", "keys"),
    _everywhere("app.back", "esc", "App", "Back: close the menu, filter, zoom or detail"),
    _everywhere("app.quit", "q", "App", "Quit; asks what to do with running jobs"),
    _everywhere("app.interrupt", "ctrl+c", "App", "Copy the selection, else quit; twice: quit now"),
    _everywhere("app.redraw", "ctrl+l", "App", "Redraw the whole screen"),
    _everywhere("app.mouse", "", "App", "Switch the mouse off (the terminal selects text) or on"),
    _everywhere("app.theme", "", "App", "Choose the theme"),
    _everywhere("app.low_bandwidth", "", "App", "Low-bandwidth mode, on or off"),
    # 1 Queue
    _on("queue", "queue.add", "a", "Add files or folders", "add", writes=True),
    _on("queue", "queue.pause", "p", "Pause or resume", "pause", "job_active", writes=True),
    _on("queue", "queue.pause_all", "P", "Pause or resume everything", writes=True),
    _on("queue", "queue.cancel", "x", "Cancel; asks first if it is running", "cancel", "job_active",
        writes=True),
    _on("queue", "queue.retry", "r", "Retry failed sources, resume interrupted jobs",
        "retry", "row_here", writes=True),
    _on("queue", "queue.up", "K", "Move up in the queue", when="job_active", writes=True),
    _on("queue", "queue.down", "J", "Move down in the queue", when="job_active", writes=True),
    _on("queue", "queue.remove", "X", "Remove the job and its results; asks first", when="row_here",
        writes=True),
    _on("queue", "queue.results", "v", "Review its results", "review", "scan_here"),
    _everywhere("queue.report", "", "Do", "Write a bug report of the scan"),
    _on("queue", "queue.watch", "w", "Watch a folder: scan each new file in it", "watch",
        writes=True),
    _on("queue", "queue.unwatch", "W", "Stop watching a folder", when="watching", writes=True),
    # 2 Results
    _on("results search", "judge.right", "y", "Right; again: take it back", "right", "row_here",
        writes=True),
    _on("results search", "judge.wrong", "n", "Wrong; again: take it back", "wrong", "row_here",
        writes=True),
    _on("results search", "judge.unsure", "u", "Unsure; again: take it back", "unsure", "row_here",
        writes=True),
    _on("results", "judge.undo", "backspace", "Undo the last judgement", "undo", "judged_before",
        writes=True),
    _on("results", "judge.next", "J", "Next unjudged row", when="row_here", group="Move"),
    _on("results", "judge.former", "K", "Previous unjudged row", when="row_here", group="Move"),
    _on("results", "cutoff.lower", ",", "Lower the cut-off of this kind by 0.01", "cut-off",
        "can_cut", group="Look"),
    _on("results", "results.export", "e", "Export the listed rows", "export", writes=True),
    _on("results", "cutoff.higher", ".", "Raise the cut-off of this kind by 0.01", when="can_cut",
        group="Look"),
    _on("results", "cutoff.none", "0", "No cut-off: show all rows", when="can_cut", group="Look"),
    _on("results", "results.scan", "p", "Choose the scan", "scan", group="Look"),
    _on("results", "results.tune", "w", "Profile with the sensitivity that equals the cut-off",
        when="can_cut"),
    _on("results", "results.picture", "space", "Enlarge the picture, or reduce it", "picture",
        "row_here", group="Look"),
    _on("results", "results.boxes", "b", "Show or hide boxes on the picture", group="Look"),
    _on("results", "results.draw", "a", "Draw a box with a label on the picture", when="row_here",
        writes=True),
    _on("results", "results.erase", "A", "Remove a box that was drawn by hand", when="row_here",
        writes=True),
    _on("results", "results.timeline", "l", "Show or hide the timeline of the video", group="Look"),
    _on("results", "results.rejected", "r", "Show or hide rejected candidates", group="Look"),
    _on("results", "results.frames", "F", "Show the frames that went to models, or events",
        group="Look"),
    _on("results", "results.former", "<", "Previous frame of the video", when="row_here",
        group="Move"),
    _on("results", "results.next", ">", "Next frame of the video", when="row_here", group="Move"),
    _on("results", "results.write", "o", "Write the frame to a file and show its path",
        when="row_here"),
    _on("results", "results.files", "W", "Export the listed rows in any format, as clips or "
    "pictures",
        writes=True),
    _on("results", "results.tags", "t", "Correct the tags", "tags", "row_here", writes=True),
    _on("results", "results.caption", "E", "Correct the caption", when="row_here", writes=True),
    # 3 Search
    _on("search", "search.like", "l", "Find more that looks like this", "more like this",
        "row_here", group="Find"),
    _on("search", "search.view", "v", "Contact sheet, or list", "sheet/list", group="Look"),
    _on("search", "search.less", ",", "Lower the false rate: less passes the cut-off", "cut-off",
        "searching", group="Look"),
    _on("search", "search.more", ".", "Raise the false rate: more passes the cut-off",
        when="searching", group="Look"),
    _on("search", "search.usual", "0", "The usual false rate", when="searching", group="Look"),
    _on("search", "search.export", "e", "Export the hits above the cut-off", "export",
        "searching", writes=True),
    _on("search", "search.index", "a", "Index files or folders", "index", writes=True),
    _on("search", "search.drop", "backspace", "Drop the example, else the last condition",
        when="searching", group="Find"),
    _on("search", "search.picture", "space", "Show the picture large, or small again", "picture",
        "row_here", group="Look"),
    _on("search", "search.left", "left h", "To the tile on the left", when="row_here",
        group="Move"),
    _on("search", "search.right", "right", "To the tile on the right", when="row_here",
        group="Move"),
    # 5 Models
    _on("models", "models.download", "D", "Download", "download", "model_absent", writes=True),
    _on("models", "models.pause", "p", "Pause or resume the download", "pause", "download_here",
        writes=True),
    _on("models", "models.cancel", "x", "Cancel the download", "cancel", "download_here",
        writes=True),
    _on("models", "models.delete", "X", "Delete the model from this disk; asks first",
        when="model_present", writes=True),
    _on("models", "models.unpin", "P", "Remove the pin: the next download takes the newest commit",
        when="model_pinned", writes=True),
    # 6 GPU
    _on("gpu", "gpu.base", "t", "Time base: 1m, 5m, 15m, 1h", "time base", group="Look"),
    _on("gpu", "gpu.processes", "s", "Show our processes, or all", "ours/all", group="Look"),
    _on("gpu", "gpu.earlier", "<", "Time cursor back: show what ran then", "earlier", group="Look"),
    _on("gpu", "gpu.later", ">", "Time cursor forward", "later", "time_cursor_on", group="Look"),
    _on("gpu", "gpu.now", "l", "Hide the time cursor", when="time_cursor_on", group="Look"),
    # 7 Profiles
    _on("profiles", "profiles.edit", "e", "Edit", "edit", "row_here"),
    _on("profiles", "profiles.save", "w", "Save; comments are kept", "save", "editing"),
    _on("profiles", "profiles.revert", "r", "Discard the changes; asks first", when="editing"),
    _on("profiles", "profiles.new", "a", "New profile that extends this one", "new", "row_here"),
    _on("profiles", "profiles.use", "u", "Use for new scans", "use", "row_here"),
    _on("profiles", "profiles.try", "t", "Test on one file", "try", "row_here", writes=True),
    _on("profiles", "profiles.compare", "=", "Compare the two marked profiles", when="two_marked"),
    _on("profiles", "profiles.delete", "X", "Delete the profile; asks first", when="own_profile"),
    # 8 Log
    _on("log", "log.level", "l", "Lowest level shown: debug, info, warning, error", "level",
        group="Look"),
    _on("log", "log.follow", "F", "Follow the end of the log", "follow", group="Move"),
    _on("log", "log.file", "o", "Show where the log file is"),
    # on several
    _on("queue models profiles log", "find.next", "n", "Next match", when="searching",
        group="Find"),
    _on("queue models profiles log", "find.former", "N", "Previous match", when="searching",
        group="Find"),
    _on("queue models profiles log", "mark.toggle", "space m", "Mark or unmark",
        "mark", "row_here", group="Mark"),
    _on("queue models profiles log", "mark.range", "M", "Mark from the last mark to here",
        when="row_here", group="Mark"),
    _on("queue models profiles log", "mark.none", "U", "Clear all marks", when="rows_marked",
        group="Mark"),
    _on("results", "results.mark", "m", "Mark or unmark", "mark", "row_here",
        group="Mark"),
    _on("results search models", "list.sort", "s", "Sort by a column", group="Look"),
)  # fmt: skip
BY_ID = {action.id: action for action in ACTIONS}

FIXED = {
    "esc": "app.back",
    "ctrl+c": "app.interrupt",
    "tab": "pane.next",
    "shift+tab": "pane.former",
}
"""keys that do one thing only, whatever the settings say: ways back and out, and Textual's own"""

PRESETS: dict[str, Keymap] = {
    "default": {},
    "vim": {
        "move.page_down": ("ctrl+f", "pgdn"), "pane.next": ("tab", "ctrl+w"),
        "mark.range": ("V", "M"), "copy.menu": ("c", "Y"),
    },
    "arrows": {
        "move.down": ("down",), "move.up": ("up",), "move.first": ("home",),
        "move.last": ("end",), "move.half_down": ("ctrl+down",), "move.half_up": ("ctrl+up",),
        "queue.down": ("shift+down",), "queue.up": ("shift+up",), "find.next": ("f3",),
        "find.former": ("f4",),
    },
}  # fmt: skip
"""keymaps to start from; what they do not name has its default"""


_WAYS_TO_ALL = ("app.help", "app.palette")
_FIRST_IN_FOOTER = 6


class FooterItem(NamedTuple):
    """One entry of the key row; `action` is what a click on it does."""

    key: str
    word: str
    action: str

    @property
    def text(self) -> str:
        """The entry as shown."""
        return f"{self.key} {self.word}"


def defaults() -> dict[str, tuple[str, ...]]:
    """Return the keymap without any settings."""
    return {action.id: action.keys for action in ACTIONS}


def actions_here(scope: str) -> list[Action]:
    """Return what a screen offers, its own first, by group.

    Whether it is offered now (`when`, `writes`) is for the caller to find out.
    """
    own = [action for action in ACTIONS if scope in action.scopes]
    common = [action for action in ACTIONS if EVERYWHERE in action.scopes and scope != EVERYWHERE]
    return sorted(own, key=_by_group) + sorted(common, key=_by_group)


def clashes(keymap: Keymap) -> list[tuple[str, str, str, str]]:
    """Return (screen, key, one action, another) for every key that would do two things there."""
    found = []
    for scope in SCREENS:
        taken: dict[str, str] = {}
        for action in actions_here(scope):
            for key in keymap[action.id]:
                if key in taken and taken[key] != action.id:
                    found.append((scope, key, taken[key], action.id))
                taken.setdefault(key, action.id)
    return found


def bindings_for(scope: str, keymap: Keymap) -> list[Binding]:
    """Return the bindings of one scope: `everywhere` for the app, else a screen's own.

    Each has its action's id, and runs `act('the.id')`.
    """
    from textual.binding import Binding

    return [
        Binding(
            ",".join(textual_name(key) for key in keymap[action.id]),
            f"act('{action.id}')",
            action.title,
            show=False,
            id=action.id,
        )
        for action in ACTIONS
        if scope in action.scopes and keymap[action.id]
    ]


def footer_items(
    scope: str, keymap: Keymap, width: int, *, hidden: Container[str] = ()
) -> list[FooterItem]:
    """Return the key row's entries that fit into `width` cells, without those `hidden` by id.

    The ways to everything else, `?` and `:`, stay longest.
    """
    from rich.cells import cell_len

    offered = [
        FooterItem(keymap[action.id][0], action.footer, action.id)
        for action in _in_footer_order(actions_here(scope))
        if action.footer and keymap[action.id] and action.id not in hidden
    ]
    kept: set[FooterItem] = set()
    space = width - 1
    for item in sorted(offered, key=lambda item: _footer_rank(item, offered)):
        space -= cell_len(item.text) + (2 if kept else 0)
        if space < 0:
            break
        kept.add(item)
    return [item for item in offered if item in kept]


def _by_group(action: Action) -> int:
    return GROUPS.index(action.group)


def _in_footer_order(actions: list[Action]) -> list[Action]:
    """Put a screen's own actions first, in the order they are listed above."""
    order = {action.id: number for number, action in enumerate(ACTIONS)}
    return sorted(actions, key=lambda action: (EVERYWHERE in action.scopes, order[action.id]))


def _footer_rank(item: FooterItem, offered: list[FooterItem]) -> tuple[int, int]:
    """Return when an entry is put in: what leads to all others, a screen's first, common ones."""
    place = offered.index(item)
    if item.action in _WAYS_TO_ALL:
        return 0, _WAYS_TO_ALL.index(item.action)
    if EVERYWHERE in BY_ID[item.action].scopes:
        return 2, place
    return (1 if place < _FIRST_IN_FOOTER else 3), place
