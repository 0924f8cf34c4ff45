"""Variables that prompts declare of their own, and which are refused before a scan exists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config.prompts import Prompt
from core.config.spec import Spec
from tests.models.vlm.faulty_server import FaultyServer
from tests.workbench import InProcess


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    made.text = "Nothing."
    yield made
    made.close()


def said_to(body: dict[str, Any]) -> list[str]:
    """Return the instructions and the text of a request."""
    found = []
    for message in body["messages"]:
        content = message["content"]
        found.append(content if isinstance(content, str) else content[-1]["text"])
    return found


def test_values_come_from_the_prompt_the_profile_and_the_command(
    inside: InProcess, pictures: Path, server: FaultyServer
) -> None:
    added = inside(
        "prompts", "add", "site", "--text", "New at {place} in {month}, {time}?",
        "--system", "You know {place}.", "--var", "place=", "--var", "month=May",
    )  # fmt: skip
    assert added.code == 0, added.err
    scan = ("scan", pictures / "one.png", "--stages", "caption", "--prompt-preset", "site",
            "--set", f"vlm.model={server.url}#tiny")  # fmt: skip
    lacking = inside(*scan)
    assert lacking.code == 2 and "needs a value for {place}" in lacking.err
    unknown = inside(*scan, "--var", "palce=x")
    assert unknown.code == 2 and "did you mean 'place'" in unknown.err
    assert not inside("runs", "list", "--json").out, "no scan exists yet"
    assert inside(*scan, "--var", "place=the {time} gate").code == 0
    assert said_to(server.asked()[0]) == [
        "You know the {time} gate.", "New at the {time} gate in May, 0.000 s?",
    ]  # fmt: skip
    assert inside(*scan, "--var", "place=the {time} gate").code == 0
    assert len(server.asked()) == 1, "the same values are the same question"
    both = ("--set", 'vlm.variables={place="here", month="June"}')
    assert inside(*scan, *both).code == 0
    assert said_to(server.asked()[1])[1] == "New at here in June, 0.000 s?"
    noted = inside("prompts", "show", "site").err
    assert "{place}: set by each scan" in noted and "{month}: May" in noted
    exported = inside("prompts", "export", "site").out
    (inside.home / "site.toml").write_text(exported)
    assert inside("prompts", "import", "site.toml").out.strip() == "site@1"
    unused = inside("scan", pictures / "one.png", "--stages", "caption", *both,
                    "--set", f"vlm.model={server.url}#tiny", "--json")  # fmt: skip
    assert any("no prompt of this scan uses {place}" in w["text"] for w in unused.of("Warned"))


def test_what_cannot_be_filled_in_is_refused(inside: InProcess, pictures: Path) -> None:
    assert inside("prompts", "add", "of_label", "--text", "Where is the {label}?").code == 0
    server = "vlm.model=http://127.0.0.1:9/v1#m"
    scan = ("scan", pictures / "one.png", "--stages", "caption", "--set", server)
    for given, words in (
        (("--prompt-preset", "of_label"), "which 'caption' does not fill in"),
        (("--var", "x=1"), "its prompts declare none"),
        (("--var", "x"), "write NAME=VALUE"),
        (("--set", 'vlm.variables={time="x"}'), "scans fill in 'time' themselves"),
        (("--set", 'vlm.variables={"A b"="x"}'), "cannot be the name of a variable"),
    ):
        ran = inside(*scan, *given)
        assert ran.code == 2 and words in ran.err, (given, ran.err)
    for variables, words in (((), "--var palce=VALUE"), (("--var", "tags=x"), "scans fill in")):
        added = inside("prompts", "add", "bad", "--text", "{palce}", *variables)
        assert added.code == 2 and words in added.err
    assert not inside("runs", "list", "--json").out


def test_a_value_is_never_searched_for_variables() -> None:
    prompt = Prompt(name="p", version=1, text="{a} {time} {b}", defaults={"a": "{b}", "b": ""})
    assert prompt.variables == ("time", "a", "b")
    filled = prompt.bound({"b": "{a}{time}", "c": "x"}).fill({"time": "{a}"})
    assert filled == "{b} {a} {a}{time}"


def test_variables_are_part_of_the_identity_of_a_spec_that_has_some() -> None:
    plain = Spec(stages=("caption",))
    assert plain.hash() == Spec(stages=("caption",), vlm={"variables": {}}).hash()
    given = Spec(stages=("caption",), vlm={"variables": {"a": "b"}})
    assert plain.hash() != given.hash()
