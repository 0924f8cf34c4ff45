"""Settings of a wrong type or size: what is wrong is said in our own words, wherever they stand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from core.config import profiles
from core.config.spec import sections
from core.errors import ProfileError
from tests.workbench import InProcess

WRONG: tuple[Any, ...] = (
    "x", "", 1, -1, 0, 1.5, True, [], ["x"], [1], [[1]], {}, {"a": 1}, math.nan, math.inf, 10**12,
)  # fmt: skip
FOREIGN = (
    "Input should", "Value error", "Assertion failed", "valid tuple", "valid integer",
    "unable to parse", "should have at", "Extra inputs", "literal[", "function-", "type=",
)  # fmt: skip
EXPECTED: dict[tuple[str, Any], str] = {
    ("models.gate", "x"): "models.gate = 'x': must be a list in square brackets",
    ("regions.include", "x"): "regions.include = 'x': must be a list in square brackets",
    ("sampling.stream", "x"): "must be 'auto' or 'all', or a whole number",
    ("sampling.mode", "x"): "must be 'every', 'fps', 'count' or 'keyframes'",
    ("sampling.fps", 0): "sampling.fps = 0: must be greater than 0",
    ("sampling.count", "x"): "must be a whole number",
    ("output.thumbnails", "x"): "must be true or false",
    ("vlm.model", ""): "vlm.model = '': must be given, not empty",
    ("models.revisions", "x"): "must be a table",
    ("flash.sensitivity", 1.5): "must be at most 1",
    ("regions.mask", 1.5): "must be text: the path of a picture",
    ("caption.json_schema", 1.5): "must be a table, or text",
}


def test_every_setting_says_what_is_wrong_in_our_words() -> None:
    said: dict[str, str] = {}
    for name, section in sections().items():
        for key in section.model_fields:
            for value in WRONG:
                try:
                    profiles.build({name: {key: value}}, "p", "file.toml")
                except ProfileError as error:
                    said[f"{name}.{key} = {value!r}"] = str(error)
    assert len(said) > 300
    for setting, message in said.items():
        assert not [words for words in FOREIGN if words in message], (setting, message)
        assert setting.partition(" ")[0] in message, (setting, message)


@pytest.mark.parametrize(("setting", "words"), list(EXPECTED.items()))
def test_what_is_said(setting: tuple[str, Any], words: str) -> None:
    key, value = setting
    table, name = key.split(".")
    with pytest.raises(ProfileError) as found:
        profiles.build({table: {name: value}}, "p", "file.toml")
    assert words in str(found.value)


def test_options_and_files_say_the_same(inside: InProcess) -> None:
    words = "models.gate = 'x': must be a list in square brackets"
    ran = inside("scan", inside.home, "--set", "models.gate=x", "--dry-run")
    assert ran.code == 2 and words in ran.err
    inside("profiles", "new", "mine", "--extends", "quick")
    edited = inside("profiles", "edit", "mine", "--set", "models.gate=x")
    file = inside.home / "bad.toml"
    file.write_text('[models]\ngate = "x"\n')
    checked = inside("profiles", "validate", file)
    assert checked.code == 2 and words in checked.out
    assert edited.code == 2 and words in edited.err, edited.err
