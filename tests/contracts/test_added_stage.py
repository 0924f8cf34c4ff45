"""A stage is one class in one file and one line of the registry, and then it is everywhere.

Two files are written, one of a screening stage and one of a model stage; two entries are added to
the registry; nothing else of the program changes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from core.config import profiles
from core.config.profiles import resolve
from core.config.stages import STAGES, check_stage, declaration
from core.config.used_models import model_of
from core.errors import ProfileError
from core.storage.export.schemas import schema
from tests.models.vlm.faulty_server import FaultyServer
from tests.stages import test_contract as contract
from tests.workbench import InProcess, texture
from tui.views import profiles as profile_views
from tui.views.results import detail

GLIMMER = '''
"""Frames brighter than a mark."""
from __future__ import annotations
from typing import ClassVar
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from core.config.section import Section
from core.records import Candidate, SourceKind
from core.screening.stage import ScreeningStage, Series, Window

class Glimmer(Section):
    """Brighter than a mark."""
    above: float = Field(50.0, ge=0, le=255, description="mean luma from which on it glimmers")

class GlimmerStage(ScreeningStage):
    """Measures the mean luma, and proposes every frame above the mark."""
    name: ClassVar[str] = "glimmer"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Glimmer
    events: ClassVar[bool] = True
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"video", "picture"})
    columns: ClassVar[tuple[str, ...]] = ("level",)

    def infer(self, window: Window) -> NDArray[np.float32]:
        own = window.luma[window.before : window.before + window.count]
        return own.mean((1, 2), dtype=np.float64).astype(np.float32)[:, None]

    def decide(self, track: Series) -> list[Candidate]:
        mark = self.spec.settings(Glimmer).above
        return [self._candidate(track, int(row), mark)
                for row in np.flatnonzero(track.column("level") > mark)]

    def _candidate(self, track: Series, row: int, mark: float) -> Candidate:
        frame, seconds = int(track.indices[row]), float(track.pts_seconds[row])
        return Candidate(self.name, self.name, frame, frame, frame, seconds, seconds, seconds,
                         round(float(track.values[row, 0]) / 255, 4), round(mark / 255, 4), True)
'''

MOOD = '''
"""The mood of a frame, in a word, by a VLM."""
from __future__ import annotations
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from pydantic import Field
from core.config.section import Section
from core.config.spec import Spec
from core.config.stages import ModelKind, PromptAnswer, StageDeclaration
from core.inference.answer_bodies import VlmBody
from core.inference.leases import ModelLeases
from core.inference.stage import Answer, LazyFrame, PriorAnswers, Question
from core.inference.vlm import answered, vlm_parameters
from core.models.protocols import VisionLanguageModel, VlmRequest

class Mood(Section):
    """The mood of each frame."""
    model: str = Field("", description="a VLM; empty: vlm.model")
    prompt: str = Field("detailed_description", description="a prompt's name")
    shout: bool = Field(False, description="answers in capitals")

class MoodBody(VlmBody):
    """The answer, and the mood it names."""
    mood: str

class MoodStage(StageDeclaration):
    """Keeps a word about each frame."""
    name: ClassVar[str] = "mood"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Mood
    accepts: ClassVar[tuple[ModelKind, ...]] = ("vlm",)
    follows: ClassVar[str] = "vlm"
    prompt: ClassVar[PromptAnswer] = "text"
    Body: ClassVar[Any] = MoodBody

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        return f"the mood is {body['mood']}"

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        leases.check(self.name, *self.accepts)
        self._leases = leases
        own = spec.settings(Mood)
        self._shout = own.shout
        self._prompt = leases.prompts.get(own.prompt)
        parameters = {**vlm_parameters(spec, self._prompt, ""), "shout": own.shout}
        self.asked = leases.asked(self.name, self.version, parameters)
        self.batch_size = leases.batch_size(self.name, spec.vlm.batch_size)

    def questions(self, shown: Sequence[LazyFrame],
                  prior: Sequence[PriorAnswers]) -> list[Question]:
        return [Question(row, "", self._prompt.fill({})) for row in range(len(shown))]

    def prepare(self, model: VisionLanguageModel, shown: Sequence[LazyFrame],
                questions: Sequence[Question]) -> Any:
        return model.prepare([VlmRequest((shown[q.row].for_vlm(),), q.about,
                                         self._prompt.system, (), 20) for q in questions])

    def infer(self, model: VisionLanguageModel, prepared: Any) -> Any:
        return model.answer(prepared, self._leases.cancelled)

    def finish(self, model: VisionLanguageModel, raw: Any,
               asked: Sequence[tuple[LazyFrame, Question]]) -> list[Answer]:
        bodies = [answered(answer, self._prompt) for answer in model.finish(raw)]
        return [Answer({**body, "mood": self._worded(body["text"])}) for body in bodies]

    def _worded(self, text: str) -> str:
        return text.upper() if self._shout else text
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two files and two lines of the registry."""
    folder = tmp_path / "stages"
    folder.mkdir()
    for name, text in (("glimmer_stage", GLIMMER), ("mood_stage", MOOD)):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    table: Any = STAGES._built_in
    monkeypatch.setitem(table, "glimmer", "glimmer_stage:GlimmerStage")
    monkeypatch.setitem(table, "mood", "mood_stage:MoodStage")
    yield
    declaration.cache_clear()
    for name in ("glimmer_stage", "mood_stage"):
        sys.modules.pop(name, None)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    made.text = "calm"
    yield made
    made.close()


@pytest.fixture
def scanned_with(added: None, inside: InProcess, server: FaultyServer) -> InProcess:
    """A scan of two pictures, one bright and one dark, by both stages."""
    folder = inside.home / "pictures"
    folder.mkdir()
    texture(1).save(folder / "bright.png")
    Image.new("RGB", (64, 48), (9, 9, 9)).save(folder / "dark.png")
    ran = inside("scan", folder, "--stages", "glimmer,mood",
                 "--set", f"vlm.model={server.url}#tiny", "--set", "mood.shout=true",
                 "--set", "limits.stall_seconds=600")  # fmt: skip
    assert ran.code == 0, ran.err
    return inside


def test_profiles_know_and_check_its_settings(added: None, inside: InProcess) -> None:
    good, bad, unknown = (inside.home / f"{name}.toml" for name in ("good", "bad", "unknown"))
    good.write_text('stages = ["glimmer", "mood"]\n[glimmer]\nabove = 9.5\n')
    bad.write_text('stages = ["glimmer"]\n[glimmer]\nabov = 9.5\n')
    unknown.write_text('stages = ["glimer"]\n')
    assert inside("profiles", "validate", str(good)).code == 0
    wrong = inside("profiles", "validate", str(bad), str(unknown))
    assert wrong.code == 2
    assert "unknown setting 'glimmer.abov'; did you mean 'above'?" in wrong.out
    assert "unknown stage 'glimer'; did you mean 'glimmer'?" in wrong.out
    with pytest.raises(ProfileError, match=r"glimmer\.above = 300"):
        resolve("quick", {"glimmer.above": 300})
    with pytest.raises(ProfileError, match=r"did you mean 'mood\.shout'"):
        resolve("quick", {"mood.shot": True})
    shown = inside("profiles", "show", str(good), "--resolved").out
    assert "[glimmer]\nabove = 9.5" in shown and "[mood]" in shown


def test_only_a_stage_that_is_used_is_part_of_a_hash(added: None) -> None:
    plain = resolve("quick", {"stages": ["glimmer"]})
    assert plain.hash() != resolve("quick", {"stages": ["glimmer"], "glimmer.above": 1}).hash()
    assert plain.hash() == resolve("quick", {"stages": ["glimmer"], "mood.shout": True}).hash()
    assert resolve("quick").hash() == resolve("quick", {"glimmer.above": 1}).hash()


def test_the_reference_and_the_profiles_screen_list_its_settings(added: None) -> None:
    from core.cli.reference import pages

    text = pages()["profiles.md"]
    assert "### [glimmer]\n\nBrighter than a mark.\n" in text
    assert "| `above` | `50.0` | mean luma from which on it glimmers |" in text
    assert "describe, verify, glimmer, mood |" in text
    keys = {setting.key: setting for setting in profile_views.settings("quick", {})}
    assert keys["mood.shout"].meaning == "answers in capitals"


def test_its_model_is_that_of_the_section_it_follows(added: None) -> None:
    spec = profiles.resolve("quick", {"stages": ["mood"], "vlm.model": "one"})
    assert model_of(spec, "mood") == "one" and spec.frame_stages == ("mood",)
    own = profiles.resolve("quick", {"stages": ["mood"], "mood.model": "two"})
    assert model_of(own, "mood") == "two"


def test_lists_show_and_the_app_have_its_results(scanned_with: InProcess) -> None:
    cli = scanned_with
    (event,) = cli("results", "--json").json()
    assert event["kind"] == "glimmer" and event["path"].endswith("bright.png")
    assert any(line.startswith("glimmer  score 0.") for line in detail("events", event))
    frames = cli("results", "--what", "frames", "--json").json()
    assert [frame["answers"][0]["line"] for frame in frames] == ["the mood is CALM"] * 2
    assert "the mood is CALM" in detail("frames", frames[0])
    shown = cli("show", cli.home / "pictures" / "bright.png").out
    assert "  glimmer: level " in shown and "    the mood is CALM\n" in shown
    assert "  mood by tiny at endpoint" in shown
    assert "  candidate glimmer: score 0." in shown


def test_exports_have_its_results_in_the_form_it_declares(scanned_with: InProcess) -> None:
    cli, out = scanned_with, scanned_with.home / "out"
    formats = ("json", "csv", "jsonl", "html", "statistics", "legacy", "srt")
    chosen = [part for name in formats for part in ("--format", name)]
    assert cli("export", "1", "--out", out, *chosen).code == 0
    body = json.loads((out / "bright.png.json").read_text())
    jsonschema.validate(body, schema("source"))
    (answer,) = body["looks"][0]["answers"]
    assert (answer["stage"], answer["line"]) == ("mood", "the mood is CALM")
    jsonschema.validate(answer["body"], declaration("mood").answer_schema())
    assert [each["kind"] for each in body["events"]] == ["glimmer"]
    assert "glimmer" in (out / "scan.csv").read_text()
    assert '"kind": "glimmer"' in (out / "scan.jsonl").read_text()
    page = (out / "scan.html").read_text()
    assert "glimmer" in page and page.count("the mood is CALM") == 2
    assert "glimmer.level" in (out / "scan.statistics.csv").read_text().splitlines()[0]
    assert "glimmer" in (out / "bright.png.srt").read_text()


def test_results_of_a_stage_that_is_gone_can_still_be_read(
    scanned_with: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli, out = scanned_with, scanned_with.home / "out"
    table: Any = STAGES._built_in
    for name in ("mood", "glimmer"):
        monkeypatch.delitem(table, name)
        declaration.cache_clear()
        (event,) = cli("results", "--json").json()
        assert event["kind"] == "glimmer"
        frames = cli("results", "--what", "frames", "--json").json()
        assert '"mood": "CALM"' in frames[0]["answers"][0]["line"]
        shown = cli("show", cli.home / "pictures" / "bright.png")
        exported = cli("export", "1", "--out", out, "--format", "statistics", "--format", "json")
        if name == "mood":  # one of its two stages is here
            assert shown.code == exported.code == 0
            body = json.loads((out / "bright.png.json").read_text())
            assert body["looks"][0]["answers"][0]["body"]["mood"] == "CALM"
    assert exported.code == 2 and "stage 'glimmer', which is not installed" in exported.err


def test_it_passes_the_contract_of_stages(added: None) -> None:
    for name in ("glimmer", "mood"):
        assert check_stage(name, declaration(name)) == ""
    contract.test_the_size_of_a_microbatch_changes_nothing("glimmer", 37)
    contract.test_going_on_in_the_middle_equals_the_whole("glimmer", 34)
    contract.test_a_region_does_not_break_the_promise("glimmer")
    contract.test_odd_sizes_and_single_frames_are_measured("glimmer")
    contract.test_a_picture_is_a_microbatch_of_one("glimmer")
