"""JSON schemas of a user's own that answers of VLMs must fit: read, and checked to be usable."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..text import clean, clean_path
from .bounded_patterns import check_pattern, limited, with_limits
from .named_files import read_text

MOST_BYTES = 64 * 1024
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def schema_text(value: Any) -> str:
    """Return a JSON schema as one line of JSON; empty for none.

    `value` is a table, JSON text that begins with "{", or the path of a file. Raises ValueError for
    what cannot be read, is no schema, or refers to anything outside itself.
    """
    if value in ("", None):
        return ""
    if not isinstance(value, (str, Mapping)):
        raise ValueError("must be a table, or text: JSON, or the path of a file")
    schema = dict(value) if isinstance(value, Mapping) else _read(str(value))
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    if len(text) > MOST_BYTES:
        raise ValueError(f"the schema is longer than {MOST_BYTES} bytes")
    _check(schema)
    return text


def validator_of(schema: Mapping[str, Any]) -> Any:
    """Return jsonschema's validator for a schema.

    It never asks a network for a reference; within `limited`, its patterns take a limited time.
    """
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    kind: Any = validator_for(schema, default=Draft202012Validator)
    return with_limits(kind)(schema, registry=Registry())


def _read(given: str) -> dict[str, Any]:
    where = "the schema"
    if not given.lstrip().startswith("{"):
        where = clean_path(given)
        given = read_text(Path(given).expanduser(), MOST_BYTES)
    try:
        read = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not valid JSON: {clean(str(error), limit=160)}") from error
    if not isinstance(read, dict):
        raise ValueError(f"{where} must be a JSON object that contains a JSON schema")
    return read


def _check(schema: dict[str, Any]) -> None:
    from jsonschema.exceptions import SchemaError

    try:
        _check_dialect(schema)
        validator = validator_of(schema)
        validator.check_schema(schema)
        for reference in _references(schema):
            _check_reference(schema, reference)
        _check_patterns(schema)
        _try_out(validator)
    except SchemaError as error:
        raise ValueError(
            f"not a valid JSON schema: {clean(error.json_path)}: {clean(error.message, limit=160)}"
        ) from error
    except RecursionError as error:
        raise ValueError("the schema is nested too deeply") from error


def _check_dialect(schema: Mapping[str, Any]) -> None:
    """Refuse a schema that follows rules of its own, which would have to be fetched."""
    from jsonschema import validators

    found: Any = validators.validator_for
    dialect = schema.get("$schema")
    if dialect is not None and found(schema, default=None) is None:
        raise ValueError(
            f"its $schema is '{clean(str(dialect), limit=120)}', which is not known; use "
            "https://json-schema.org/draft/2020-12/schema"
        )


def _check_patterns(schema: Mapping[str, Any]) -> None:
    """Refuse patterns that are none, and those that would be searched without a time limit."""
    found = list(_tables(schema))
    for table in found:
        named = table.get("patternProperties")
        patterns = [table.get("pattern"), *(named if isinstance(named, Mapping) else ())]
        for pattern in patterns:
            if isinstance(pattern, str):
                check_pattern(pattern)
    if any("unevaluatedProperties" in each for each in found) and any(
        "patternProperties" in each for each in found
    ):
        raise ValueError(
            "the schema uses patternProperties and unevaluatedProperties; use "
            "additionalProperties instead"
        )


def _tables(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object in a schema."""
    if isinstance(value, Mapping):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(inner, str) or not isinstance(inner, Iterable):
        return
    for each in inner:
        yield from _tables(each)


def _try_out(validator: Any) -> None:
    """Refuse a schema that refers to itself without end, whatever the answer is."""
    try:
        with limited():
            samples: tuple[Any, ...] = (None, True, 0, "", [], {})
            for sample in samples:
                deque(validator.iter_errors(sample), maxlen=0)
    except RecursionError as error:
        raise ValueError(
            "the schema refers to itself without end; a reference to '#' may only be that of a "
            "property or an item"
        ) from error


def _check_reference(schema: dict[str, Any], reference: str) -> None:
    """Refuse a reference that does not lead to a part of the schema itself."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    if not reference.startswith("#"):
        raise ValueError(
            f"the schema refers to '{clean(reference, limit=120)}'; copy that into its own $defs"
        )
    name = str(schema.get("$id", "urn:answer"))
    registry: Any = Registry().with_resource(name, DRAFT202012.create_resource(schema))
    try:
        registry.resolver(name).lookup(reference)
    except Unresolvable as error:
        raise ValueError(f"the schema does not contain '{clean(reference, limit=120)}'") from error


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _REFERENCES and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
