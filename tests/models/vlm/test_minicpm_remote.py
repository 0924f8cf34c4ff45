"""A model with Python code of its own: consent, what it is given, and how its answers are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.config.profiles import parse_override, resolve
from core.errors import ImageRejected, ModelRefused
from core.models.families.minicpm_remote import MiniCpmRemote, packs
from core.models.protocols import Loading, VlmRequest
from core.models.registry import load
from core.scans.resolve_models import resolve_models
from tests.models.vlm.asking import Canceller, edit_json, loading, picture, said
from tests.models.vlm.remote_model import build, entries

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FRAMES = tuple(picture(n, 40, 30) for n in range(5))
TIMES = (10.0, 10.1, 10.32, 10.5, 12.0)


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture(scope="module", autouse=True)
def _modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """transformers copies a model's code into a cache before it runs it; ours is not the user's."""
    import transformers.dynamic_module_utils as dynamic

    folder = str(tmp_path_factory.mktemp("modules"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamic, "HF_MODULES_CACHE", folder)
        patch.syspath_prepend(folder)
        yield
    for name in [name for name in sys.modules if name.split(".")[0] == "transformers_modules"]:
        del sys.modules[name]


def wish(folder: Path, **options: object) -> Loading:
    made = loading("minicpm_remote", folder, **options)
    return replace(made, name="org/MiniCPM-V-4_5", revision=COMMIT)


def consented(folder: Path, **options: object) -> MiniCpmRemote:
    return MiniCpmRemote(replace(wish(folder, **options), remote_code=True))


def test_without_consent_nothing_of_it_runs(tmp_path: Path, diary: Path) -> None:
    folder = build(tmp_path / "model", diary)
    with pytest.raises(ModelRefused) as caught:
        load(wish(folder))
    assert f'models.allow_remote_code = ["org/MiniCPM-V-4_5@{COMMIT}"]' in str(caught.value)
    assert entries(diary) == []


def test_the_consent_that_is_printed_for_a_folder_can_be_pasted(
    tmp_path: Path, diary: Path
) -> None:
    folder = build(tmp_path / "model@home", diary)
    settings = {"stages": ["caption"], "vlm.model": str(folder), "models.device": "cpu"}
    found = resolve_models(resolve("quick", settings), print).loadings["caption"]
    assert not found.remote_code
    with pytest.raises(ModelRefused) as caught:
        load(found)
    pasted = str(caught.value).partition("--set '")[2].rstrip("'")
    key, value = parse_override(pasted)
    consent = {**settings, key: value}
    assert resolve_models(resolve("quick", consent), print).loadings["caption"].remote_code
    assert entries(diary) == []
    (folder / "modeling_more.py").write_text("raise SystemExit")
    with pytest.raises(ModelRefused, match="has changed since you consented to its code"):
        resolve_models(resolve("quick", consent), print)


@pytest.mark.parametrize("family", ["chat", "clip"])
def test_another_family_does_not_run_it_either(tmp_path: Path, diary: Path, family: str) -> None:
    folder = build(tmp_path / "model", diary)
    with pytest.raises(ModelRefused, match="not consented to"):
        load(replace(wish(folder), family=family))
    assert entries(diary) == []


def test_code_of_another_repository_is_refused(tmp_path: Path, diary: Path) -> None:
    folder = build(tmp_path / "model", diary)
    elsewhere = {"AutoProcessor": "else/where--processing_tiny.TinyMiniCPMVProcessor"}
    edit_json(folder / "preprocessor_config.json", auto_map=elsewhere)
    with pytest.raises(ModelRefused, match="of another repository, else/where"):
        consented(folder)
    assert entries(diary) == []


@pytest.mark.parametrize("named", [True, False])
def test_it_is_given_its_own_processor_and_tokenizer(
    tmp_path: Path, diary: Path, named: bool
) -> None:
    model = consented(build(tmp_path / "model", diary, processor_named=named), max_slice_nums=3)
    asks = [
        VlmRequest(
            FRAMES[:2], "what <image>(<image>./</image>) is it", system="be brief", max_tokens=6
        ),
        VlmRequest((), "hello", max_tokens=3),
    ]
    answers = said(model, asks)
    assert [(a.finish, a.tokens_out) for a in answers] == [("length", 6), ("length", 3)]
    first, second = [entry for entry in entries(diary) if isinstance(entry, dict)]
    assert first["processor"] == "TinyMiniCPMVProcessor" and "Tokenizer" in first["tokenizer"]
    assert (first["images"], first["max_slice_nums"], first["temporal_ids"]) == (2, 3, None)
    assert "system\nbe brief" in first["prompt"] and not first["sampling"]
    assert second["images"] == 0
    assert answers[0].tokens_in and answers[0].first_token_seconds
    assert model.identity.family == "minicpm_remote" and model.identity.revision == COMMIT


def test_frames_of_a_video_go_in_packs_with_their_times(tmp_path: Path, diary: Path) -> None:
    folder = build(tmp_path / "model", diary)
    ask = VlmRequest(FRAMES, "what happens", seconds=TIMES, max_tokens=8)
    packed, loose = consented(folder, packing=3), consented(folder)
    texts = [said(model, [ask])[0].text for model in (packed, loose)]
    threes, ones = [entry["temporal_ids"] for entry in entries(diary) if isinstance(entry, dict)]
    assert threes == [[0, 1, 3], [5, 20]]
    assert ones == [[0], [1], [3], [5], [20]]
    assert texts[0] != texts[1]
    assert packed.identity.preprocessing != loose.identity.preprocessing
    assert packs((4.0,), 6) == [[0]] and packs((), 3) == []


def test_thoughts_are_cut_off(tmp_path: Path, diary: Path) -> None:
    model = consented(build(tmp_path / "model", diary), thinking=True)
    (answer,) = said(model, [VlmRequest((), "hello", max_tokens=5)])
    assert (answer.text, answer.finish) == ("", "failed")
    assert entries(diary)[-1]["enable_thinking"] is True


def test_cancelled_from_another_thread_it_stops_within_a_token(tmp_path: Path, diary: Path) -> None:
    model = consented(build(tmp_path / "model", diary))
    cancelled = Canceller(after=5)
    answers = said(
        model, [VlmRequest((), "hello", max_tokens=300), VlmRequest((), "never asked")], cancelled
    )
    assert [answer.finish for answer in answers] == ["cancelled", "cancelled"]
    assert answers[0].tokens_out is not None and 4 <= answers[0].tokens_out < 300
    # once for the token under way, once before the second question
    assert cancelled.answers.count(True) == 2
    assert len([entry for entry in entries(diary) if isinstance(entry, dict)]) == 1


def test_a_question_its_code_fails_on_is_named(tmp_path: Path, diary: Path) -> None:
    model = consented(build(tmp_path / "model", diary))
    wrong = VlmRequest(FRAMES[:2], "two pictures, one time", seconds=(1.0,), max_tokens=2)
    with pytest.raises(ImageRejected, match="own code fails") as caught:
        said(model, [VlmRequest((), "fine", max_tokens=2), wrong])
    assert caught.value.index == 1


def test_what_was_mended_for_it_is_put_back(tmp_path: Path, diary: Path) -> None:
    from transformers import PreTrainedModel

    before = {name for name in sys.modules if name.startswith("flash_attn")}
    consented(build(tmp_path / "model", diary)).close()
    assert not hasattr(PreTrainedModel, "all_tied_weights_keys")
    assert {name for name in sys.modules if name.startswith("flash_attn")} == before


def test_missing_weights_are_refused(tmp_path: Path, diary: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = build(tmp_path / "model", diary)
    weights = load_file(folder / "model.safetensors")
    del weights["sight.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelRefused, match=r"lacks weights \(1: sight.weight\)"):
        consented(folder)
