"""Every sign the app draws that is no letter, twice: for terminals with Unicode and without."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbols:
    """One set of signs; each is one cell wide, except `ellipsis` and `not_loaded`.

    `bar` goes from empty to full in equal steps, so eight of its signs are eighths. `levels` draws
    a graph with one column a cell, from nothing (a gap) to full; it is used where `braille` is
    False. `heights` draws a value in one cell, from nothing to full, and `events` the same of what
    was accepted where colours cannot tell the two.
    """

    bar: str
    bar_left: str
    bar_right: str
    braille: bool
    levels: str
    line_bar: str
    """a cell of a bar drawn as a line: empty, half full, full"""
    ticks: str
    """a place on such a bar: where it is empty, where it is full"""
    heights: str
    events: str
    folded: str
    """a header whose rows are left out"""
    unfolded: str
    """a header with its rows below it"""
    plus_minus: str
    nothing: str
    """a part of a time line in which nothing was found, or that was not read yet"""
    cursor: str
    mark: str
    ellipsis: str
    not_loaded: str
    ascending: str
    descending: str
    horizontal: str
    vertical: str
    cross: str
    tee_down: str
    tee_up: str
    tee_right: str
    tee_left: str
    frame: str
    """a pane's edge: corners from the upper left to the lower right, horizontal, vertical line"""
    heavy_frame: str
    """the same for the pane with the focus, where colours cannot show which that is"""
    title: str
    """how a pane's title is written"""
    title_lead: str
    """between the corner of a pane and its title"""
    running: str
    group: str
    """between the groups of three of a number"""
    current: str
    """a time or a place on a line of time"""
    right: str
    wrong: str
    unsure: str
    unjudged: str
    knob: str
    becomes: str
    dash: str
    """between the ends of an interval"""


UNICODE = Symbols(
    bar=" ▏▎▍▌▋▊▉█", bar_left="▕", bar_right="▏", braille=True, levels=" .:-=#",
    line_bar="─╸━", ticks="│┃", heights=" ▁▂▃▄▅▆▇█", events=" ▁▂▃▄▅▆▇█", nothing="·",
    folded="▸", unfolded="▾", plus_minus="±",
    cursor="▌", mark="*", ellipsis="…", not_loaded="…", ascending="▲", descending="▼",
    horizontal="─", vertical="│", cross="┼", tee_down="┬", tee_up="┴", tee_right="├",
    tee_left="┤", frame="╭╮╰╯─│", heavy_frame="┏┓┗┛━┃", title="{}", title_lead=" ",
    running="▸", group="\u202f", current="▲", right="✓", wrong="✗", unsure="?", unjudged="·",
    knob="●", becomes="→", dash="\u2013",
)  # fmt: skip
ASCII = Symbols(
    bar=" -=#", bar_left="[", bar_right="]", braille=False, levels=" .:-=#",
    line_bar="-==", ticks="!!", heights=" :-=+*#", events=" !", nothing=".",
    folded=">", unfolded="v", plus_minus="+-",
    cursor=">", mark="*", ellipsis="..", not_loaded="...", ascending="^", descending="v",
    horizontal="-", vertical="|", cross="+", tee_down="+", tee_up="+", tee_right="+",
    tee_left="+", frame="++++-|", heavy_frame="++++=|", title="[{}]",
    title_lead="-", running=">", group=" ", current="^", right="y", wrong="n", unsure="?",
    unjudged=".", knob="O", becomes=">", dash="-",
)  # fmt: skip
