"""The JSON Schemas (draft 2020-12) of what `json` and `summary.json` hold.

`source.schema.json` embeds the schema of each stage's answers, as the stages declare them; it is
written by `python -m core.storage.export.schemas`. `schema` adds those of the stages of plugins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from ...config.stages import STAGES, StageDeclaration, declarations

_ROOT = "#/$defs/"


def schema(of: Literal["source", "scan"]) -> dict[str, Any]:
    """Return the schema of a source's JSON or of a scan's `summary.json`."""
    text = files(__package__).joinpath(f"{of}.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return with_answers(found, list(declarations())) if of == "source" else found


def with_answers(found: dict[str, Any], stages: list[type[StageDeclaration]]) -> dict[str, Any]:
    """Return a source's schema with the schemas of the answers of these stages, and no others."""
    own = {name: part for name, part in found["$defs"].items() if "." not in name}
    asking = [stage for stage in stages if stage.role != "screening"]
    embedded = dict(part for stage in asking for part in _parts(stage))
    typed = [
        {
            "if": {"properties": {"stage": {"const": stage.name}}},
            "then": {"properties": {"body": {"$ref": f"{_ROOT}{stage.name}.answer"}}},
        }
        for stage in asking
    ]
    answer = own["stage_answer"] | {"allOf": typed}
    return found | {"$defs": own | {"stage_answer": answer} | embedded}


def _parts(stage: type[StageDeclaration]) -> Iterator[tuple[str, Any]]:
    """Yield what a stage declares of its answers, under names that begin with its own."""
    declared = dict(stage.answer_schema())
    for name, part in declared.pop("$defs", {}).items():
        yield f"{stage.name}.{name}", _moved(part, stage.name)
    yield f"{stage.name}.answer", _moved(declared, stage.name)


def _moved(part: Any, stage: str) -> Any:
    """Return a part of a schema with its references to the names that `_parts` gives."""
    if isinstance(part, dict):
        return {key: _reference(key, _moved(each, stage), stage) for key, each in part.items()}
    return [_moved(each, stage) for each in part] if isinstance(part, list) else part


def _reference(key: str, value: Any, stage: str) -> Any:
    if key == "$ref" and isinstance(value, str) and value.startswith(_ROOT):
        return f"{_ROOT}{stage}.{value.removeprefix(_ROOT)}"
    return value


def main() -> None:
    """Write the answers of the built-in stages into `source.schema.json`."""
    path = Path(__file__).parent / "source.schema.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    stages = [STAGES.load(name) for name in STAGES.built_in]
    path.write_text(json.dumps(with_answers(found, stages), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
