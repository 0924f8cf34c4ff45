"""Identities of specs never change: results in libraries are found by them.

`spec_hashes.json` was computed by the version before stages described themselves (commit e534f37).
A changed value loses every result kept under it, so the table only ever grows. One was changed on
purpose: `dev` asks for float16 since, which on a CPU resolves to the hash it had before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.config import profiles
from core.config.spec import Spec, tagged_hash

TABLE: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("spec_hashes.json").read_text("utf-8")
)


def identities(spec: Spec) -> list[Any]:
    measured = {name: tagged_hash("measure", spec.measure_settings(name)) for name in spec.stages}
    return [spec.hash(), measured]


def test_every_shipped_profile_keeps_its_hashes() -> None:
    presets = {name for name, file in profiles.available().items() if file.preset}
    assert presets == set(TABLE["presets"])
    for name, expected in TABLE["presets"].items():
        assert identities(profiles.resolve(name)) == expected, name


def test_settings_of_every_stage_keep_their_part_of_the_hash() -> None:
    for name, (tables, *expected) in TABLE["varied"].items():
        assert identities(Spec(**tables)) == expected, name


def test_a_spec_read_back_as_a_library_keeps_it_has_the_same_hash() -> None:
    for name, (tables, *expected) in TABLE["varied"].items():
        spec = Spec(**tables)
        kept = json.loads(json.dumps(spec.model_dump(mode="json")))
        assert identities(Spec(**kept)) == expected, name
