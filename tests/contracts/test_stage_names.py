"""No place beside its own file and the registry names a stage; what remains is listed with why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from core.config.stages import STAGES, check_stage, declaration, declarations

ROOT = Path(__file__).parent.parent.parent
REGISTRY = "core/config/stages.py"
FIELD = "a field of rows and JSON exports, or what a person may correct, called as a stage is"
ROLE = "a role of colours, called as the kind of find that it colours"
DEFAULT = "what is judged or done where nobody says otherwise"
ALLOWED: dict[str, tuple[set[str], str]] = {
    "core/cli/results.py": ({"tag", "caption"}, FIELD),
    "core/cli/search_lines.py": ({"caption"}, FIELD),
    "core/cli/score.py": ({"flash"}, DEFAULT),
    "core/config/spec.py": ({"flash"}, DEFAULT),
    "core/inference/objects.py": ({"tag"}, FIELD),
    "core/judge/truth.py": ({"tag", "caption"}, FIELD),
    "core/judge/truth_tables.py": ({"cut"}, "a kind of true event, of PySceneDetect's tables"),
    "core/protocol/commands.py": ({"caption"}, FIELD),
    "core/protocol/queries.py": ({"flash"}, DEFAULT),
    "core/protocol/search_terms.py": ({"tag"}, FIELD),
    "core/judge/texts/references.py": ({"caption"}, "a field of files of references"),
    "core/reports/comparing/answers.py": ({"tag"}, FIELD),
    "core/reports/documents.py": ({"caption"}, FIELD),
    "core/reports/filters.py": ({"tag"}, FIELD),
    "core/reports/frame_notes.py": ({"caption"}, FIELD),
    "core/reports/scoring.py": ({"cut"}, "a kind of true event, of PySceneDetect's tables"),
    "core/reports/search_rows.py": ({"caption"}, FIELD),
    "core/screening/flash_candidates.py": ({"flash"}, "a part of the stage's implementation"),
    "core/search/payloads.py": ({"tag"}, FIELD),
    "core/search/fusion.py": ({"tag"}, "a list of hits, called as the answers it is made of"),
    "core/search/query_models.py": ({"embed"}, "the stage whose model queries are embedded with"),
    "core/search/searching.py": ({"tag", "caption"}, "lists of hits and texts, called so"),
    "core/search/stores/fields.py": ({"tag"}, FIELD),
    "core/storage/conditions.py": ({"tag"}, FIELD),
    "core/storage/export/coco.py": ({"tag", "caption"}, FIELD),
    "core/storage/export/findings.py": ({"tag", "caption"}, FIELD),
    "core/storage/export/shapes.py": ({"caption"}, FIELD),
    "core/storage/remarks.py": ({"caption"}, FIELD),
    "core/storage/score_migration.py": (
        {"flash"},
        "migrates libraries of an earlier version",
    ),
    "core/storage/text_index.py": ({"tag", "caption"}, FIELD),
    "tui/look/roles.py": ({"flash", "motion", "cut"}, ROLE),
    "tui/look/styles.py": ({"flash", "motion", "cut"}, ROLE),
    "tui/look/themes.py": ({"motion"}, ROLE),
    "tui/screens/search.py": ({"caption"}, FIELD),
    "tui/screens/taking.py": ({"caption"}, FIELD),
    "tui/views/evidence.py": ({"flash"}, ROLE),
    "tui/views/results.py": ({"tag", "caption"}, FIELD),
    "tui/views/search.py": ({"caption"}, FIELD),
    "tui/widgets/curve.py": ({"flash"}, ROLE),
    "tui/widgets/filmstrip.py": ({"flash"}, ROLE),
    "tui/widgets/line_bar.py": ({"flash"}, ROLE),
    "tui/widgets/sheet.py": ({"flash"}, ROLE),
    "tui/widgets/timeline.py": ({"flash"}, ROLE),
}


def strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def named(path: Path) -> set[str]:
    """Return the stages that a file names: as a string, or as the section of a setting."""
    known = set(STAGES.names())
    return {text.partition(".")[0] for text in strings(path) if " " not in text} & known


def own_files() -> dict[str, set[str]]:
    """Return the file of each stage with the names it may use: its own and what it builds on."""
    found = {}
    for stage in declarations():
        path = f"{stage.__module__.replace('.', '/')}.py"
        found[path] = {stage.name, *stage.needs, *stage.uses, stage.follows}
    return found


def test_only_its_own_file_and_the_registry_name_a_stage() -> None:
    own = own_files()
    found = {}
    for path in [*ROOT.glob("core/**/*.py"), *ROOT.glob("tui/**/*.py")]:
        place = path.relative_to(ROOT).as_posix()
        others = named(path) - own.get(place, set()) if place != REGISTRY else set()
        if others:
            found[place] = others
    assert found == {place: names for place, (names, _) in ALLOWED.items()}


def test_built_in_stages_declare_what_plugins_must() -> None:
    for stage in declarations():
        wrong = check_stage(stage.name, stage)
        assert not wrong or stage.role == "verification", wrong
        assert stage.answer_schema()["type"] == "object"
        assert set(stage.needs) | set(stage.uses) <= set(STAGES.names())
    assert "name" in check_stage("other", declaration("flash"))
    assert check_stage("other", object()) and check_stage("other", 3)
