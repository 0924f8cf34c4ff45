"""Whole files are whole and cut ones are cut, in every container, whatever their rates say."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config.screening_settings import Sampling
from core.config.spec import Spec
from core.errors import Unreadable
from core.scans.results import failure
from core.sources.outcome import VideoEnd
from core.sources.reader import Reader
from tests.sources.drawn import LIT, cut, draw
from tests.sources.reading import read

SPEC = Spec()
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
AT_FRONT = {"movflags": "+faststart"}
CONTAINERS: dict[str, dict[str, Any]] = {
    "index-last.mp4": {"sound": "aac"},
    "index-first.mp4": {"sound": "aac", "options": AT_FRONT},
    "fragments.mp4": {"sound": "aac", "options": FRAGMENTS},
    "index-first.mov": {"sound": "aac", "options": AT_FRONT},
    "plain.mkv": {"sound": "aac"},
    "plain.webm": {"codec": "libvpx-vp9", "sound": "libopus"},
    "plain.ts": {"sound": "aac"},
    "disc.m2ts": {"sound": "aac", "form": "mpegts", "options": {"mpegts_m2ts_mode": "1"}},
    "plain.mpg": {"codec": "mpeg2video", "sound": "mp2"},
    "plain.avi": {"codec": "mpeg4", "sound": "mp2"},
    "vp8-like.ogv": {"codec": "libvpx", "form": "ogg", "sound": None},
    "plain.flv": {"codec": "flv", "sound": None},
    "plain.wmv": {"codec": "msmpeg4", "form": "asf", "sound": None},
    "plain.mxf": {"codec": "mpeg2video", "sound": None},
}
KINDS: dict[str, dict[str, Any]] = {
    "whole": {},
    "sound-longer": {"seconds": 4.0},
    "sound-shorter": {"seconds": 0.4},
    "varying-rate": {"slow_after": 20},
}


def judged(reader: Reader, path: Path) -> tuple[int, str]:
    """Return how many frames were read, and why the file counts as failed."""
    info = reader.probe(str(path)).info
    ends = [item for item in reader.video(str(path), Sampling(), 64) if isinstance(item, VideoEnd)]
    return ends[0].frames, failure(info, SPEC, asdict(ends[0]))


def drawn(folder: Path, name: str, kind: str) -> Path | None:
    """Draw a container of a kind; None where it holds no sound, or no codec here writes it."""
    import av

    table = dict(CONTAINERS[name])
    sound, seconds = table.pop("sound"), KINDS[kind].get("seconds")
    if seconds and not sound:
        return None
    if table.get("codec", "libx264") not in av.codecs_available:
        return None
    try:
        return draw(
            folder / f"{kind}-{name}",
            sound=(sound, seconds) if seconds else None,
            slow_after=KINDS[kind].get("slow_after"),
            **table,
        )
    except (av.error.FFmpegError, ValueError):
        return None


@pytest.mark.parametrize("name", CONTAINERS)
def test_whole_and_cut(reader: Reader, tmp_path: Path, name: str) -> None:
    tried = 0
    for kind in KINDS:
        whole = drawn(tmp_path, name, kind)
        if whole is None:
            continue
        tried += 1
        frames, why = judged(reader, whole)
        assert (frames, why) == (40, ""), kind
        part = cut(whole)
        if name == "index-last.mp4":  # nothing of it can be read without its index
            with pytest.raises(Unreadable, match="cut off"):
                reader.probe(str(part))
            continue
        frames, why = judged(reader, part)
        assert why.startswith("cut off or damaged"), kind
        assert 0 < frames <= 40
    if not tried:
        pytest.skip("no encoder for this container here")


def test_a_last_frame_that_is_held_is_no_cut(reader: Reader, tmp_path: Path) -> None:
    """The rate of a screen recording says nothing of its length."""
    for name in ("held.mkv", "held.mp4", "held.ts"):
        path = draw(tmp_path / name, frames=20, slow_after=1, rate=4)
        assert judged(reader, path) == (20, "")


def test_bytes_behind_the_end_are_no_cut(reader: Reader, tmp_path: Path) -> None:
    for name in ("a.mkv", "a.mp4", "a.ts", "a.avi"):
        codec = "mpeg4" if name.endswith("avi") else "libx264"
        path = draw(tmp_path / name, codec)
        path.write_bytes(path.read_bytes() + bytes(3000))
        frames, why = judged(reader, path)
        assert why == ""
        assert frames >= 39  # FFmpeg's transport demuxer drops a last frame before padding


def test_a_full_size_says_nothing_of_what_is_there(reader: Reader, tmp_path: Path) -> None:
    """An unfinished copy has its full size, and zeros or the disk's old bytes at its end."""
    junk = np.random.default_rng(0).bytes(1 << 20)
    for name, codec in (("a.mkv", "libx264"), ("b.avi", "mpeg4"), ("c.wmv", "msmpeg4")):
        path = draw(tmp_path / name, codec)
        whole = path.read_bytes()
        kept = len(whole) * 6 // 10
        for rest in (bytes(len(whole) - kept), junk[: len(whole) - kept]):
            path.write_bytes(whole[:kept] + rest)
            frames, why = judged(reader, path)
            assert why.startswith("cut off or damaged"), name
            assert 0 < frames < 40


def test_a_cut_gif_is_told_from_a_whole_one(reader: Reader, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "a.gif"
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (32, 32), np.uint8)) for _ in range(10)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    whole = path.read_bytes()
    for bytes_of_it, is_cut in (
        (whole, False), (whole + bytes(9), False), (whole + b"other bytes", False),
        (whole[:-1], False), (whole[: len(whole) * 2 // 3], True),
        (whole[: len(whole) // 2] + b"\xaa" * 2000, True),
    ):  # fmt: skip
        path.write_bytes(bytes_of_it)
        assert bool(judged(reader, path)[1]) == is_cut


def test_the_tag_of_a_shortened_recording_is_not_believed(reader: Reader, tmp_path: Path) -> None:
    """mkvmerge's tag DURATION-eng outlives a lossless cut."""
    import av

    whole = draw(tmp_path / "whole.mkv", frames=40, bframes=0)
    part = tmp_path / "part.mkv"
    with av.open(str(whole)) as source, av.open(str(part), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.metadata["DURATION-eng"] = "00:01:00.000000000"
        for packet in source.demux(video=0):
            if packet.dts is not None and float(packet.dts * packet.time_base) < 0.9:
                packet.stream = stream
                target.mux(packet)
    assert judged(reader, part)[1] == ""
    assert reader.probe(str(part)).info.duration_seconds == pytest.approx(0.9, abs=0.05)


def test_edit_list_hides_frames(reader: Reader, tmp_path: Path) -> None:
    """A cut without encoding: the samples before the first shown frame are there and hidden."""
    path = tmp_path / "cut.mp4"
    whole = draw(tmp_path / "whole.mp4", frames=60, lit=(40, 41))
    _copied_from(whole, path, first_key=20, first_shown=25)
    info = reader.probe(str(path)).info
    got = read(reader, path, Sampling())
    assert (info.frame_count, len(got.indices)) == (35, 35)
    assert got.seconds[0] == pytest.approx(0.0, abs=1e-6)
    bright = [at for at, luma in zip(got.seconds, got.luma, strict=True) if luma.mean() > 120]
    assert bright == pytest.approx([15 / 30, 16 / 30], abs=1e-4)
    assert judged(reader, path) == (35, "")
    keys = read(reader, path, Sampling(mode="keyframes"))
    assert keys.seconds == [got.seconds[index] for index in keys.indices]
    for skip in (10, 30):
        assert read(reader, path, Sampling(), skip, got.seconds[skip]).seconds == got.seconds[skip:]


def _copied_from(whole: Path, path: Path, first_key: int, first_shown: int) -> None:
    """Copy packets from a keyframe on, with negative times before the first frame shown."""
    import av

    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        video = source.streams.video[0]
        copy = target.add_stream_from_template(video)
        base = video.time_base
        assert base is not None
        key, shown = round(first_key / 30 / base), round(first_shown / 30 / base)
        for packet in source.demux(video):
            if packet.pts is None or packet.dts is None or packet.pts < key:
                continue
            packet.pts, packet.dts = packet.pts - shown, packet.dts - shown
            packet.stream = copy
            target.mux(packet)


def test_what_is_no_video_is_refused_at_once(reader: Reader, tmp_path: Path) -> None:
    """Files of 600 MB, sparse or full of text, under names that FFmpeg trusts."""
    sparse, text = tmp_path / "sparse", tmp_path / "text"
    with open(sparse, "wb") as file:
        file.truncate(600_000_000)
    text.write_bytes(b"all work and no play makes jack a dull boy\n" * 500_000)
    os.truncate(text, 600_000_000)
    for source in (sparse, text):
        for ending in ("ts", "mpg", "h264", "hevc", "m4v", "mp4", "mkv", "avi", "dav", "vob"):
            path = tmp_path / f"{source.name}.{ending}"
            os.link(source, path)
            began = time.process_time()
            with pytest.raises(Unreadable):
                _probed_here(path)
            assert time.process_time() - began < 1.5, path.name


def test_what_is_no_picture_is_refused_without_reading_it(tmp_path: Path) -> None:
    """Its size is read from the disk only where it is a kind that can be repaired."""
    import tracemalloc

    from core.sources.picture import open_picture

    sparse = tmp_path / "sparse.jpg"
    with open(sparse, "wb") as file:
        file.truncate(600_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable), open_picture(str(sparse), 2e8):
            pass
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()


def _probed_here(path: Path) -> None:
    from core.sources.content import content_hash
    from core.sources.video import probe_video

    probe_video(str(path), content_hash(str(path)), path.stat().st_size, 2e8)


def test_streams_behind_padding_and_tags_are_found(reader: Reader, tmp_path: Path) -> None:
    plain = draw(tmp_path / "plain.ts").read_bytes()
    spread = b"".join(plain[at : at + 188] + bytes(16) for at in range(0, len(plain), 188))
    noise = bytes(range(1, 256)) * 20_000
    heads = {
        "partial": plain[100:],
        "padded": bytes(3 << 20) + plain,
        "after-an-older-file": noise + plain,
        "tagged": b"ID3\x03\0\0\0\0\x02\x01" + bytes(257) + plain,
        "with-parity": spread,
    }
    for name, data in heads.items():
        path = tmp_path / f"{name}.ts"
        path.write_bytes(data)
        assert judged(reader, path)[1] == "", name
        assert len(read(reader, path, Sampling()).indices) >= 39, name


def test_lit_frames_are_where_they_were_drawn(reader: Reader, tmp_path: Path) -> None:
    """In an elementary stream times come from its own parameter sets, or from the setting."""
    import av

    names = [("a.h264", "libx264", 24), ("b.m2v", "mpeg2video", 24)]
    if "libx265" in av.codecs_available:
        names.append(("c.hevc", "libx265", 15))
    for name, codec, rate in names:
        path = draw(tmp_path / name, codec, rate=rate)
        info = reader.probe(str(path)).info
        assert (info.frame_rate, info.frame_count) == (rate, 40), name
        assert info.duration_seconds == pytest.approx(40 / rate, abs=0.06)
        for asked, true in ((None, rate), (50.0, 50.0)):
            got = read(reader, path, Sampling(raw_rate=asked))
            steps = [later - at for at, later in zip(got.seconds, got.seconds[1:], strict=False)]
            assert steps == pytest.approx([1 / true] * 39, abs=1e-4)
            lit = [got.indices[n] for n, luma in enumerate(got.luma) if luma.mean() > 120]
            assert lit == list(LIT)
