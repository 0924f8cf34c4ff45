"""Answers of VLMs that must fit a JSON schema of the user's own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from core.config.answer_schema import MOST_BYTES, schema_text
from core.config.bounded_patterns import MOST_SECONDS
from core.config.profiles import resolve
from core.config.spec import Spec
from core.inference.schema_answers import AnswerSchema
from core.storage.export.schemas import schema
from tests.models.vlm.faulty_server import FaultyServer, Turn
from tests.workbench import InProcess

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"cars": {"type": "integer", "minimum": 0}, "of": {"$ref": "#/$defs/kind"}},
    "required": ["cars"],
    "additionalProperties": False,
    "$defs": {"kind": {"enum": ["road", "yard"]}},
}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    yield made
    made.close()


def look(cli: InProcess, scan: int) -> dict[str, Any]:
    assert cli("export", str(scan), "--out", cli.home / f"out{scan}").code == 0
    body = json.loads((cli.home / f"out{scan}" / "one.png.json").read_text())
    jsonschema.validate(body, schema("source"))
    (found,) = body["looks"]
    return dict(found)


def test_servers_are_sent_the_schema_and_answers_are_checked(
    inside: InProcess, pictures: Path, server: FaultyServer
) -> None:
    (inside.home / "cars.json").write_text(json.dumps(SCHEMA))
    scan = ("scan", pictures / "one.png", "--stages", "caption", "--json-schema", "cars.json",
            "--set", f"vlm.model={server.url}#tiny")  # fmt: skip
    server.text = 'Sure:\n```json\n{"cars": 2, "of": "road"}\n```'
    ran = inside(*scan)
    assert ran.code == 0, ran.err
    asked = server.asked()[0]
    assert asked["response_format"]["json_schema"]["schema"] == SCHEMA
    assert "JSON schema" in asked["messages"][-1]["content"][-1]["text"]
    caption = look(inside, 1)["caption"]
    assert caption["data"] == {"cars": 2, "of": "road"} and caption["text"] == server.text
    # One that does not conform is stored as failed, with the reason; the file is not needed.
    server.text = '{"cars": "two"}'
    again = inside(*scan, "--set", "caption.extra=Count.")
    assert again.code == 1 and "$.cars: 'two' is not of type 'integer'" in again.err
    failed = look(inside, 2)
    assert failed["caption"] is None
    assert "does not conform to the schema" in failed["failures"][0]["reason"]
    (inside.home / "cars.json").unlink()
    server.text = '{"cars": 3}'
    resumed = inside("runs", "resume", "2", "--failed")
    assert resumed.code == 0, resumed.err
    assert look(inside, 2)["caption"]["data"] == {"cars": 3}


def test_a_server_that_refuses_schemas_is_asked_without_and_checked_here(
    inside: InProcess, pictures: Path, server: FaultyServer
) -> None:
    def decide(body: dict[str, Any], _number: int) -> Turn:
        refused = "response_format" in body
        return Turn(400, "response_format is not supported") if refused else Turn()

    server.decide, server.text, server.finish = decide, '{"cars": 1', "length"
    profile = inside.home / "count.toml"
    (inside.home / "schemas").mkdir()
    (inside.home / "schemas" / "cars.json").write_text(json.dumps(SCHEMA))
    profile.write_text(
        f'stages = ["caption"]\n[vlm]\nmodel = "{server.url}#tiny"\n'
        '[caption]\njson_schema = "schemas/cars.json"\n'
    )
    assert resolve(str(profile)).section("caption").json_schema.startswith("{")  # type: ignore[attr-defined]
    ran = inside("scan", pictures / "one.png", "--profile", profile)
    assert ran.code == 1 and "cut off (vlm.max_tokens)" in ran.err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("missing.json", "cannot be read"),
        ("{", "is not valid JSON"),
        ({"type": "strang"}, "not a valid JSON schema"),
        ({"$ref": "https://example.com/x.json"}, "copy that into its own"),
        ({"$ref": "file.json#/a"}, "copy that into its own"),
        ({"$ref": "#/$defs/none"}, "the schema does not contain"),
        ({"description": "x" * MOST_BYTES}, "longer than"),
        ({"$ref": "#"}, "refers to itself without end"),
        ({"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "refers to itself without end"),
        (
            {
                "allOf": [{"$ref": "#/$defs/a"}],
                "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
            },
            "refers to itself without end",
        ),
        ({"$schema": "https://example.com/mine"}, "which is not known; use https"),
        ({"properties": {"a": {"$ref": "https://x.org/y"}}}, "copy that into"),
        ({"properties": {"a": {"pattern": "(("}}}, "is not a 'regex'"),
        ({"patternProperties": {"[": {}}}, "is not a 'regex'"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "additionalProperties"),
    ],
)
def test_what_is_no_usable_schema_is_refused(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        schema_text(given)


def test_a_pattern_never_takes_longer_than_the_limit() -> None:
    slow = "^(a|aa)+$"
    for given in (
        {"pattern": slow}, {"items": {"pattern": slow}},
        {"patternProperties": {slow: True}, "additionalProperties": False},
    ):  # fmt: skip
        found = AnswerSchema(schema_text(given))
        text = "a" * 60 + "b"
        answer = json.dumps(
            {"pattern": text, "items": [text] * 50}.get(next(iter(given)), {text: 1})
        )
        began = time.monotonic()
        value, why = found.read(answer)
        assert value is None and "takes too long" in why, why
        assert time.monotonic() - began < 3 * MOST_SECONDS


def test_patterns_and_schemas_that_contain_themselves_work() -> None:
    tree = {
        "type": "object", "additionalProperties": False,
        "properties": {"next": {"$ref": "#"}, "id": {"pattern": "^[a-z]+$"}},
        "patternProperties": {"^x-": {"type": "integer"}},
    }  # fmt: skip
    for dialect in ({}, {"$schema": "http://json-schema.org/draft-07/schema#"}):
        found = AnswerSchema(schema_text(tree | dialect))
        for answer, fits in (
            ({"id": "ab", "x-n": 1, "next": {"next": {}}}, True), ({"id": "A"}, False),
            ({"x-n": "a"}, False), ({"other": 1}, False), ({"next": {"id": "1"}}, False),
        ):  # fmt: skip
            assert (found.read(json.dumps(answer))[1] == "") == fits, answer


def test_no_scan_exists_after_a_schema_that_cannot_be_used(
    inside: InProcess, pictures: Path
) -> None:
    scan = ("scan", pictures / "one.png", "--set", "vlm.model=http://127.0.0.1:9/v1#m")
    for stages, words in (("caption", "cannot be read"), ("quality", "needs the stage 'caption'")):
        ran = inside(*scan, "--stages", stages, "--json-schema", "gone.json")
        assert ran.code == 2 and words in ran.err, ran.err
    assert not inside("runs", "list", "--json").out


def test_the_value_is_found_in_what_a_model_says() -> None:
    cars = AnswerSchema(schema_text(SCHEMA))
    for said in ('{"cars": 1}', 'I see {"cars": 1}. Done.', '```\n{"cars": 1}\n```'):
        assert cars.read(said) == ({"cars": 1}, ""), said
    for said, why in (
        ("no cars", "contains no JSON"), ("", "contains no JSON"),
        ('{"cars": NaN}', "contains no JSON"),
        ('{"cars": -1}', "less than the minimum"), ('[{"cars": 1}]', "is not of type 'object'"),
        ('{"cars": 1, "of": "sea"}', "'sea' is not one of"), ("[" * 100_000, "too deeply"),
        ('{"cars": "\\u001b[31m"}', "is not of type"),
    ):  # fmt: skip
        value, wrong = cars.read(said)
        assert value is None and why in wrong and "\x1b" not in wrong, (said[:20], wrong)
    assert AnswerSchema(schema_text({"type": "array"})).read("Here: [1, 2]")[0] == [1, 2]
    assert AnswerSchema(schema_text({"type": "integer"})).read("7") == (7, "")


def test_a_schema_is_part_of_the_identity_and_none_changes_nothing() -> None:
    plain = Spec(stages=("caption",))
    one = Spec(stages=("caption",), caption={"json_schema": SCHEMA})
    same = Spec(stages=("caption",), caption={"json_schema": json.dumps(SCHEMA, indent=3)})
    assert one.hash() == same.hash() != plain.hash()
    assert Spec(**json.loads(json.dumps(one.model_dump(mode="json")))).hash() == one.hash()
