"""A spec holds the tables of its stages, and imports no stage it does not name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.config import profiles
from core.config.spec import Spec, meaning, sections
from core.errors import ProfileError
from core.inference.detect import Detect
from core.screening.flash import Flash

ROOT = Path(__file__).parent.parent.parent


def test_a_profile_imports_only_the_stages_it_names() -> None:
    code = (
        "import sys; from core.config.profiles import find, resolve, text_of\n"
        "text_of(find('storm'))\n"
        "assert 'numpy' not in sys.modules\n"
        "resolve('storm', {'flash.sensitivity': 0.2}).hash(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    loaded = set(done.stdout.split())
    assert "core.screening.flash" in loaded
    assert not {each for each in loaded if each.startswith("core.inference")}
    assert "core.screening.quality" not in loaded and "torch" not in loaded


def test_tables_are_reached_by_their_class_and_by_the_name_of_the_stage() -> None:
    spec = Spec(stages=("flash",), flash=Flash(sensitivity=0.25))
    assert spec.settings(Flash).sensitivity == 0.25
    assert spec.section("flash") == spec.settings(Flash)
    assert spec.settings(Detect) == Detect() == spec.section("detect")
    changed = spec.model_copy(update={"flash": Flash(sensitivity=0.75)})
    assert changed.settings(Flash).sensitivity == 0.75 and changed.hash() != spec.hash()
    with pytest.raises(ValidationError, match="frozen"):
        spec.flash = Flash()  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        spec.no_stage  # type: ignore[attr-defined] # noqa: B018


def test_documents_list_every_table_in_one_order() -> None:
    names = list(sections())
    assert names[:3] == ["sampling", "regions", "flash"] and names[-1] == "verify"
    assert names.index("quality") + 1 == names.index("events")
    assert set(Spec(stages=("cut",)).every_table()) == {"stages", *names}
    assert meaning("stages").startswith("stages to run, of: flash, motion,")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"stages": ["flash"], "flash": {"sensitivty": 1}}, "'flash.sensitivty'; did you mean"),
        (
            {"stages": ["flash"], "flash": {"sensitivity": 2}},
            "sensitivity = 2: must be at most 1",
        ),
        ({"flash": 3}, "flash = 3: must be a table"),
        ({"flsh": {}}, "unknown setting 'flsh'; did you mean 'flash'?"),
        ({"stages": []}, "stages is empty; name at least one of flash, motion, cut, dedupe"),
        ({"stages": ["flsh"]}, "unknown stage 'flsh'; did you mean 'flash'?; known: flash,"),
        ({"stages": ["segment"]}, "'segment' needs the results of 'detect'; add 'detect'"),
        ({"stages": ["verify"]}, "'verify' needs candidates; add one of flash, motion, cut"),
        (
            {"stages": ["flash"], "sampling": {"mode": "fps"}},
            "'flash' needs every frame (a stroke lasts one to six); "
            "set sampling.mode = 'every' or leave flash out",
        ),
    ],
)
def test_what_is_wrong_is_said_as_before(tables: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        profiles.build(tables, "mine", "mine.toml")
    assert message in str(caught.value)
