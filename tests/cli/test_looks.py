"""Scans that ask models: a VLM behind a real HTTP server, a trained tiny embedder.

Most run in the tests' own process: importing torch costs more than the scan does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.sources.profile import ADOBE_GAMMA, ADOBE_PRIMARIES, named_profile
from core.synthetic import shapes
from tests.models.vlm.faulty_server import FaultyServer, Turn
from tests.tiny.shelf import shapes_model, tiny_model
from tests.workbench import STROKES, Cli, InProcess, wait_for

WORDS = ("--stages", "embed,caption", "--set", "sampling.mode=fps")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    made.text = "A street at night."
    yield made
    made.close()


def vlm(server: FaultyServer) -> tuple[str, str]:
    return ("--set", f"vlm.model={server.url}#tiny")


def embedder() -> tuple[str, str]:
    return ("--set", f"embed.model={tiny_model('clip')}")


def exported(cli: Cli, scan: int, name: str) -> dict[str, Any]:
    folder = cli.home / f"export-{scan}"
    assert InProcess(cli.home)("export", str(scan), "--out", folder).code == 0
    body: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return body


def test_another_prompt_decodes_and_embeds_nothing_again(
    inside: InProcess, pictures: Path, server: FaultyServer
) -> None:
    folder = inside.home / "pictures"
    shutil.copytree(pictures, folder)
    first = inside("scan", folder, *WORDS, *vlm(server), *embedder())
    assert first.code == 0, first.err
    asked = len(server.asked())
    assert asked == len(list(folder.iterdir()))
    # The same size and times, so the same files to sightline; but nothing in them can be decoded.
    for path in folder.iterdir():
        status = path.stat()
        path.write_bytes(b"\0" * status.st_size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    server.text = "night, street"
    prompt = ("--set", "caption.prompt=keywords_only")
    second = inside("scan", folder, *WORDS, *vlm(server), *embedder(), *prompt)
    assert second.code == 0, second.err
    assert len(server.asked()) == 2 * asked
    body = exported(inside, 2, "one.png")
    assert body["looks"][0]["caption"]["text"] == "night, street"
    assert body["looks"][0]["caption"]["prompt"] == "keywords_only@1"
    assert exported(inside, 1, "one.png")["looks"][0]["caption"]["text"] == "A street at night."
    shown = inside("show", folder / "one.png").out
    assert "night, street\n      facts: 11 + 2 tokens, " in shown and "tokens/s" in shown
    # And the very same question costs nothing at all.
    assert inside("scan", folder, *WORDS, *vlm(server), *embedder()).code == 0
    assert len(server.asked()) == 2 * asked


VERDICTS = [
    '{"verdict": "yes", "kind": "bolt", "frames": [2, 99], "confidence": 0.9, "reason": "a bolt"}',
    'I think: {"verdict": "no", "kind": "lamp", "frames": [], "confidence": 0.8, "reason": "lamp"}',
    "It might well be lightning.",
    '{"verdict": "unsure", "kind": "", "frames": [], "confidence": 0.2, "reason": "too dark"}',
]


def test_verdicts_of_every_kind_are_told_apart(cli: Cli, storm: Path, server: FaultyServer) -> None:
    answers = iter(VERDICTS * 10)
    said: dict[str, str] = {}

    def in_turn(body: dict[str, Any], number: int) -> Turn:
        if body.get("max_tokens") == 1:
            return Turn()
        key = json.dumps(body["messages"], sort_keys=True)
        if key not in said:
            said[key] = next(answers)
        server.text = said[key]  # one request at a time, so nobody else reads it
        return Turn()

    server.decide = in_turn
    ran = cli.here("scan", storm, "--profile", "storm-verified", *vlm(server), "--json",
              "--set", "vlm.batch_size=1", "--set", "vlm.concurrency=1")  # fmt: skip
    assert ran.code == 0, ran.err
    body = exported(cli, 1, "storm.mp4")
    states = [verdict["state"] for verdict in body["verdicts"]]
    assert len(states) >= STROKES
    assert states[:4] == ["confirmed", "none", "unparsed", "unsure"]
    first = body["verdicts"][0]
    assert first["text"] == VERDICTS[0] and first["frames_seen"] == [first["frames_shown"][1]]
    kept = [c for c in body["candidates"] if c["verdict"]]
    rejected = [c for c in kept if c["verdict"] == "none"]
    assert all(not c["accepted"] and c["reason"] == "verify: lamp" for c in rejected)
    assert {c["verdict"] for c in body["events"]} == set(states) - {"none"}
    # What was shown: numbered frames with their times beside the peak, and the peak among them.
    question = server.asked()[0]["messages"][-1]["content"]
    text = next(part["text"] for part in question if part["type"] == "text")
    assert re.search(r"6 frames \(1: -0\.\d{3} s; .*\+0\.000 s", text)
    assert sum(part["type"] == "image_url" for part in question) == 6


def test_failed_and_cut_off_are_neither_yes_nor_no(
    inside: InProcess, storm: Path, server: FaultyServer
) -> None:
    server.text, server.finish = '{"verdict": "yes", "kind": "bo', "length"
    cut = inside("scan", storm, "--profile", "storm-verified", *vlm(server))
    assert cut.code == 0, cut.err
    assert {v["state"] for v in exported(inside, 1, "storm.mp4")["verdicts"]} == {"truncated"}
    # What a control question with small grey pictures would fail on too stops the scan instead.
    server.decide = lambda body, number: Turn(400) if len(str(body)) > 30_000 else Turn()
    other = ("--set", "verify.extra=Be brief.")
    failed = inside("scan", storm, "--profile", "storm-verified", *vlm(server), *other)
    assert failed.code == 1
    assert "unanswered" in failed.err and "--retry-failed" in failed.err
    body = exported(inside, 2, "storm.mp4")
    assert {v["state"] for v in body["verdicts"]} == {"failed"}
    assert len(body["events"]) == STROKES, "no event is lost because nobody could verify it"
    server.decide, server.finish, server.text = lambda body, number: Turn(), "stop", VERDICTS[0]
    again = inside(
        "scan", storm, "--profile", "storm-verified", *vlm(server), *other, "--retry-failed"
    )
    assert again.code == 0, again.err
    assert {v["state"] for v in exported(inside, 3, "storm.mp4")["verdicts"]} == {"confirmed"}


def test_killed_between_two_microbatches_and_resumed(
    cli: Cli, long_storm: Path, server: FaultyServer
) -> None:
    slow = Turn(wait_seconds=0.1)
    server.decide = lambda body, number: slow
    args = ("scan", long_storm, "--stages", "caption", "--set", "sampling.mode=fps",
            "--set", "sampling.fps=1", "--set", "models.batch_size=8",
            "--set", "vlm.batch_size=8", *vlm(server))  # fmt: skip
    process = cli.start(*args, "--json")
    wait_for(process, "BatchDone", 3)
    process.kill()
    process.communicate()
    server.decide = lambda body, number: Turn()
    resumed = cli.here("runs", "resume", "1")
    assert resumed.code == 0, resumed.err
    frames = len(exported(cli, 1, "b-long.mp4")["looks"])
    assert frames == 96
    # At most one microbatch, and what was under way, is asked twice.
    assert len(server.asked()) <= frames + 2 * 8


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("--stages", "embed"), "sightline models pull laion-vit-b32"),
        (("--stages", "embed", "--set", "embed.model=siglip2-bse"), "did you mean 'siglip2-base'"),
        (("--stages", "embed", "--set", "embed.model={clip}", "--set", "models.attn=flash"),
         "flash"),
        (("--stages", "embed", "--set", "embed.model={clip}", "--set",
          "models.attn=flash_attention_2"), "needs an NVIDIA GPU"),
        (("--stages", "caption", "--set", "vlm.model={clip}"), "caption needs a VLM"),
        (("--stages", "embed", "--set", "embed.model={clip}", "--set", "models.device=cuda:7"),
         "no device cuda:7"),
        (("--stages", "segment"), "add 'detect'"),
        (("--stages", "flash,verify", "--set", "verify.prompt=no_such", "--set",
          "vlm.model=http://127.0.0.1:9/v1#m"), "no prompt 'no_such'"),
        (("--stages", "caption", "--set", "vlm.model=http://127.0.0.1:9/v1#m"), "127.0.0.1:9"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_one_line(
    inside: InProcess, storm: Path, settings: tuple[str, ...], words: str
) -> None:
    inside.env["HF_HOME"] = str(inside.home / "hf")
    args = [each.format(clip=tiny_model("clip")) for each in settings]
    ran = inside("scan", storm, "--profile", "quick", *args, "--set", "vlm.timeout_seconds=5")
    assert ran.code in (2, 4), (ran.code, ran.err)
    assert words in ran.err
    assert "Traceback" not in ran.err and len(ran.err.strip().splitlines()) <= 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("embed", "embed.model=yolos-tiny"),
         "embed.model = 'yolos-tiny' is a detector; embed needs an embedder"),
        (("tag", "tag.model={sam}"), "is a segmenter; tag needs an embedder or a VLM"),
        (("detect", "detect.model={clip}"), "is an embedder; detect needs a detector"),
        (("detect,segment", "detect.model={yolos}", "segment.model={yolos}"),
         "is a detector; segment needs a segmenter"),
        (("flash,verify", "verify.model={clip}"), "is an embedder; verify needs a VLM"),
        (("flash,verify", "vlm.model=http://127.0.0.1:9/v1#m", "verify.prompt=keywords_only"),
         "does not request a verdict"),
    ],
)  # fmt: skip
def test_a_model_of_the_wrong_kind_is_refused_before_there_is_a_scan(
    inside: InProcess, storm: Path, settings: tuple[str, ...], words: str
) -> None:
    stages, *values = (
        each.format(**{name: tiny_model(name) for name in ("clip", "sam", "yolos")})
        for each in settings
    )
    ran = inside("scan", storm, "--stages", stages, *(f"--set={value}" for value in values))
    assert ran.code == 2, (ran.code, ran.err)
    assert words in ran.err and "Traceback" not in ran.err
    assert inside("runs", "list", "--json").out == ""


def test_eight_bits_of_a_network_without_blocks_are_refused_before_there_is_a_scan(
    inside: InProcess, pictures: Path
) -> None:
    for folder in (shapes_model(), tiny_model("open_clip_convolutions")):
        ran = inside("scan", pictures, "--stages", "embed", "--set", f"embed.model={folder}",
                     "--set", "embed.quantize=8bit")  # fmt: skip
        assert ran.code == 4 and "not a transformer" in ran.err, ran.err
    assert inside("runs", "list", "--json").out == ""


def test_vectors_and_tags_are_exported(cli: Cli, pictures: Path) -> None:
    settings = ("--set", 'tag.vocabulary=["red","dark"]', "--set", "tag.threshold=0")
    ran = cli("scan", pictures, "--stages", "embed,tag", *embedder(), *settings,
              "--set", "sampling.mode=fps")  # fmt: skip
    assert ran.code == 0, ran.err
    out = cli.home / "out"
    inside = InProcess(cli.home)
    both = ("--format", "vectors", "--format", "json")
    assert inside("export", "1", "--out", out, *both).code == 0
    with np.load(out / "one.png.vectors.npz") as arrays:
        assert arrays["vectors"].shape[0] == 1
        assert np.linalg.norm(arrays["vectors"][0]) == pytest.approx(1, abs=1e-4)
    tags = json.loads((out / "one.png.json").read_text())["looks"][0]["tags"]
    assert {each["tag"] for each in tags} == {"red", "dark"}
    shown = inside("show", pictures / "one.png")
    assert "tags: " in shown.out and "embed by" in shown.out
    verified = inside("runs", "verify", "1")
    assert verified.code == 0 and "changed" not in verified.out


def test_a_new_version_of_a_prompt_is_another_question(
    inside: InProcess, pictures: Path, server: FaultyServer
) -> None:
    args = ("scan", pictures / "one.png", "--stages", "caption", "--set", "sampling.mode=fps",
            *vlm(server))  # fmt: skip
    assert inside(*args).code == 0
    added = inside("prompts", "add", "detailed_description", "--text", "Say it in one word.")
    assert added.code == 0, added.err
    assert inside(*args).code == 0
    assert len(server.asked()) == 2
    assert (
        exported(inside, 2, "one.png")["looks"][0]["caption"]["prompt"] == "detailed_description@2"
    )
    # A scan that is resumed or looked at again goes by the version it began with.
    assert (
        exported(inside, 1, "one.png")["looks"][0]["caption"]["prompt"] == "detailed_description@1"
    )


def test_tags_say_what_is_in_the_picture(inside: InProcess) -> None:
    """A trained model, tiny as it is: the red circle is tagged a red circle."""
    folder, drawn = inside.home / "drawn", np.random.default_rng(3)
    folder.mkdir()
    for name in shapes.NAMES:
        colour, shape = name.split()
        Image.fromarray(shapes.draw(colour, shape, drawn)).save(
            folder / f"{name.replace(' ', '-')}.png"
        )
    words = json.dumps(list(shapes.NAMES))
    ran = inside("scan", folder, "--stages", "embed,tag", "--set", "sampling.mode=fps",
              "--set", f"embed.model={shapes_model()}", "--set", f"tag.vocabulary={words}",
              "--set", "tag.template={label}", "--set", "tag.top=1")  # fmt: skip
    assert ran.code == 0, ran.err
    assert inside("export", "1", "--out", inside.home / "out").code == 0
    right = 0
    for name in shapes.NAMES:
        body = json.loads((inside.home / "out" / f"{name.replace(' ', '-')}.png.json").read_text())
        right += [each["tag"] for each in body["looks"][0]["tags"]] == [name]
    assert right >= 0.9 * len(shapes.NAMES)
    assert "MiB  cpu" in inside("models", "memory").out


def as_before_colours_were_converted(library: Path) -> None:
    """Make a library one of the version that knew no colour profiles, with a mark on each frame."""
    with closing(sqlite3.connect(next(library.glob("*.db")))) as database, database:
        database.execute("UPDATE contents SET info = json_remove(info, '$.reading')")
        tables = ("contents", "paths", "tasks", "tracks", "annotations", "shown", "moments")
        for table in tables:
            database.execute(f"UPDATE {table} SET content = replace(content, '.2:', ':')")
        database.execute("INSERT INTO marks SELECT content, 0, 'then' FROM contents")


def test_pictures_of_an_older_library_are_asked_about_again_only_where_they_look_different(
    cli: Cli, server: FaultyServer
) -> None:
    folder = cli.home / "pictures"
    folder.mkdir()
    profile = named_profile(ADOBE_PRIMARIES, gamma=ADOBE_GAMMA)
    for number, icc in enumerate((None, None, profile)):
        pixels = np.random.default_rng(number).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((80, 60)).save(folder / f"{number}.png", icc_profile=icc)
    words = ("scan", folder, "--stages", "caption,quality", *vlm(server))
    assert cli.here(*words).code == 0
    assert len(server.asked()) == 3
    as_before_colours_were_converted(cli.library)
    assert cli.here(*words).code == 0
    assert len(server.asked()) == 4
    assert cli.here(*words).code == 0
    assert len(server.asked()) == 4
    with closing(sqlite3.connect(next(cli.library.glob("*.db")))) as database:
        known = dict(database.execute("SELECT path, content FROM paths").fetchall())
        marked = {row[0] for row in database.execute("SELECT content FROM marks")}
    assert set(known.values()) <= marked
    assert [b".2:" in content.encode() for _, content in sorted(known.items())] == [
        False, False, True,
    ]  # fmt: skip


def test_an_animated_picture_is_shown_frame_by_frame(cli: Cli, server: FaultyServer) -> None:
    folder = cli.home / "pictures"
    folder.mkdir()
    frames = [Image.new("RGB", (64, 48), (level, 90, 90)) for level in (10, 60, 110, 160)]
    frames[0].save(folder / "moving.webp", save_all=True, append_images=frames[1:], duration=1000)
    frames[0].save(folder / "still.png")
    ran = cli.here(
        "scan", folder, *WORDS, *vlm(server), *embedder(), "--set", "sampling.fps=1", "--json"
    )
    assert ran.code == 0, ran.err
    assert len(server.asked()) == 5
    states = {Path(e["path"]).name: (e["state"], e["frames"]) for e in ran.of("TaskFinished")}
    assert states == {"moving.webp": ("done", 4), "still.png": ("done", 1)}
    assert len(exported(cli, 1, "moving.webp")["looks"]) == 4
    assert (
        cli.here("scan", folder, *WORDS, *vlm(server), *embedder(), "--set", "sampling.fps=1").code
        == 0
    )
    assert len(server.asked()) == 5


def test_verdicts_before_a_stop_are_kept(
    inside: InProcess, storm: Path, server: FaultyServer
) -> None:
    server.text = '{"verdict": "yes", "frames": [1]}'
    one = ("--set", "vlm.concurrency=1")
    server.decide = lambda body, number: Turn(401, "Invalid API Key") if number == 1 else Turn()
    stopped = inside("scan", storm, "--profile", "storm-verified", *vlm(server), *one)
    assert stopped.code == 4 and "rejects the key" in stopped.err
    asked = len(server.asked())
    server.decide = lambda body, number: Turn()
    assert inside("runs", "resume", "1").code == 0
    verdicts = exported(inside, 1, "storm.mp4")["verdicts"]
    assert len(verdicts) >= asked >= 2
    assert len(server.asked()) == len(verdicts) + 1, "only the refused question is asked again"
