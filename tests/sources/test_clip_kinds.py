"""Clips of all kinds of sources: the very frames, the sound beside them, and the colour tags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from core.sources import clip_encode
from core.sources.clip import write_clip
from core.sources.reader import Reader
from tests.sources.footage import clicks, scene, write_video

FRAME_OF_SOUND = 1024 / 48_000


def shown(path: Path) -> list[tuple[float, NDArray[np.float64]]]:
    """Return (seconds, gray) of all frames a player shows."""
    import av

    with av.open(str(path)) as opened:
        container: Any = opened
        origin = (container.start_time or 0) / 1_000_000
        return [
            (float(frame.pts * frame.time_base) - origin, gray(frame))
            for frame in container.decode(container.streams.best("video"))
        ]


def gray(frame: Any) -> NDArray[np.float64]:
    return np.asarray(frame.reformat(format="gray", src_color_range=2).to_ndarray(), np.float64)


def facts(path: Path) -> dict[str, Any]:
    import av

    with av.open(str(path)) as opened:
        container: Any = opened
        film = container.streams.best("video")
        frame = next(container.decode(film))
        tags = frame.colorspace, frame.color_trc, frame.color_primaries, frame.color_range
        return {
            "codec": film.codec_context.codec.canonical_name,
            "pixels": frame.format.name,
            "tags": tuple(int(tag) for tag in tags),
            "sound": [s.codec_context.codec.canonical_name for s in container.streams.audio],
            "size": (frame.width, frame.height),
        }


def check_frames(source: Path, clip: Path, start: float, end: float, off: float = 6.0) -> None:
    """Compare a clip's frames with the source's by time and content."""
    wanted = [each for each in shown(source) if start <= each[0] <= end]
    got = shown(clip)
    assert len(got) == len(wanted)
    for (at, picture), (true_at, true) in zip(got, wanted, strict=True):
        assert at == pytest.approx(true_at - wanted[0][0], abs=1.1e-3)
        height, width = picture.shape
        assert np.abs(picture - true[:height, :width]).mean() < off


Cut = tuple[str, dict[str, Any], float, float, bool]
LONG_GOP = {"g": "250", "sc_threshold": "0"}
CUTS: dict[str, Cut] = {
    "keyframe at hand": ("a.mp4", {"options": {"g": "10"}}, 1.0, 2.0, True),
    "keyframe far back": ("b.mp4", {"options": LONG_GOP}, 2.6, 3.0, False),
    "one frame": ("c.mp4", {"options": {"g": "10"}}, 1.2, 1.21, True),
    "from the start": ("d.mp4", {}, 0.0, 0.5, True),
    "to the end": ("e.mp4", {"options": {"g": "10"}}, 2.5, 100.0, True),
    "VP9 in WebM": ("f.webm", {"codec": "libvpx-vp9", "sound": ["libopus"]}, 0.5, 1.0, True),
    "VP8 in WebM": ("g.webm", {"codec": "libvpx", "sound": ["libopus"]}, 0.5, 1.0, False),
    "AV1": ("h.mkv", {"codec": "libsvtav1", "options": {"svtav1-params": "lp=1"}}, 0.5, 1.0, True),
    "HEVC": ("i.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=10"}},
             1.0, 1.6, True),
    "MPEG-TS": ("j.ts", {"options": {"g": "10"}, "sound": ["aac"]}, 1.0, 1.6, True),
    "4:4:4": ("k.mkv", {"codec": "ffv1", "pixels": "yuv444p"}, 0.5, 1.0, False),
    "10 bits": ("l.mkv", {"codec": "ffv1", "pixels": "yuv420p10le"}, 0.5, 1.0, False),
    "12 bits, 4:2:2": ("m.mkv", {"codec": "ffv1", "pixels": "yuv422p12le"}, 0.5, 1.0, False),
    "RGB": ("n.mkv", {"codec": "ffv1", "pixels": "bgr0"}, 0.5, 1.0, False),
    "PCM": ("o.mov", {"codec": "mjpeg", "pixels": "yuvj420p", "sound": ["pcm_s16le"]}, 0.5, 1.0,
            False),
    "240 fps": ("p.mp4", {"rate": 240, "options": {"g": "10"}}, 0.1, 0.2, True),
}  # fmt: skip


def test_frames_are_the_sources(reader: Reader, tmp_path: Path) -> None:
    for name, (file, how, start, end, copied) in CUTS.items():
        path = write_video(tmp_path / file, scene(75), **how)
        out = tmp_path / f"{file}.clip.mp4"
        made = reader.clip(str(path), start, end, str(out))
        assert made.copied == copied, (name, made.in_words)
        assert made.in_words.startswith("copied" if copied else "re-encoded (lib"), name
        check_frames(path, out, start, end)
        assert len(facts(out)["sound"]) == len(how.get("sound", ())), name


def test_depth_chroma_and_sizes_are_kept(reader: Reader, tmp_path: Path) -> None:
    for pixels, size, codec, wanted, kept in (
        ("yuv444p", (65, 49), "h264", "yuv444p", (65, 49)),
        ("yuv420p", (65, 49), "h264", "yuv420p", (64, 48)),
        ("yuv422p", (65, 49), "h264", "yuv422p", (64, 49)),
        ("yuv420p10le", (66, 65), "hevc", "yuv420p10le", (66, 64)),
        ("yuv444p12le", (66, 64), "hevc", "yuv444p10le", (66, 64)),
        ("gbrp10le", (66, 64), "hevc", "yuv444p10le", (66, 64)),
        ("gray", (64, 48), "h264", "yuv420p", (64, 48)),
    ):
        path = tmp_path / f"{pixels}-{size[0]}.mkv"
        write_video(path, scene(6, *size), codec="ffv1", pixels=pixels)
        out = path.with_suffix(".mp4")
        reader.clip(str(path), 0.0, 1.0, str(out))
        made = facts(out)
        assert (made["codec"], made["pixels"], made["size"]) == (codec, wanted, kept), pixels
        if pixels != "gbrp10le":
            check_frames(path, out, 0.0, 1.0)


def test_sound_stays_beside_the_picture(reader: Reader, tmp_path: Path) -> None:
    """Clicks at every half second; copied and encoded, one track and two, from any start."""
    for file, options, sounds, codec in (
        ("a.mp4", {"g": "10"}, ["aac"], "libx264"),
        ("b.mp4", LONG_GOP, ["aac", "libmp3lame"], "libx264"),
        ("c.mkv", {"g": "10"}, ["libopus", "flac", "ac3"], "libx264"),
        ("d.mkv", {}, ["mp2"], "libvpx"),
        ("e.mov", {"g": "10"}, ["pcm_s16le"], "libx264"),
        ("f.ts", {"g": "10"}, ["aac", "mp2"], "libx264"),
    ):
        path = write_video(
            tmp_path / file, scene(90), codec=codec, sound=sounds, options=dict(options)
        )
        first = next(at for at, _ in shown(path) if at >= 1.3)
        true = [clicks(path, track) for track in range(len(sounds))]
        out = tmp_path / f"{file}.clip.mp4"
        made = reader.clip(str(path), 1.3, 3.2, str(out))
        assert len(facts(out)["sound"]) == len(sounds), file
        for track, of_source in enumerate(true):
            wanted = [at - first for at in of_source if first + 0.05 < at < 3.15]
            got = [at for at in clicks(out, track) if 0.05 < at < 3.15 - first]
            assert len(wanted) >= 3
            assert got == pytest.approx(wanted, abs=FRAME_OF_SOUND), (file, track, made.in_words)


def test_sound_that_ended_before(reader: Reader, tmp_path: Path) -> None:
    """A clip of a stretch without sound is a clip still, copied or encoded."""
    for file, codec, sounds in (
        ("a.mp4", "libx264", ["aac"]), ("b.mkv", "libx264", ["mp2"]),
        ("c.mkv", "ffv1", ["aac", "mp2"]),
    ):  # fmt: skip
        path = write_video(tmp_path / file, scene(50), codec=codec, sound=sounds, sound_seconds=0.6)
        out = tmp_path / f"{file}.mp4"
        for start, end in ((0.4, 1.0), (1.5, 1.8)):
            reader.clip(str(path), start, end, str(out))
            check_frames(path, out, start, end)


def test_colour_tags_are_kept(reader: Reader, tmp_path: Path) -> None:
    for file, codec, pixels, tags, copied in (
        ("a.mp4", "libx264", "yuv420p", (1, 1, 1, 1), True),
        ("b.mkv", "ffv1", "yuv420p", (1, 1, 1, 1), False),
        ("c.mkv", "ffv1", "yuv420p", (6, 6, 6, 2), False),
        ("d.mkv", "ffv1", "yuv420p", (2, 2, 2, 0), False),
        ("e.mkv", "ffv1", "yuv420p10le", (9, 16, 9, 1), False),
        ("f.mkv", "ffv1", "yuv420p10le", (9, 18, 9, 1), False),
        ("g.mkv", "libvpx-vp9", "yuv420p", (1, 1, 1, 1), True),
    ):
        path = write_video(tmp_path / file, scene(6, 96, 64), codec=codec, pixels=pixels, tags=tags)
        assert facts(path)["tags"][:3] == tags[:3]
        out = tmp_path / f"{file}.clip.mp4"
        assert reader.clip(str(path), 0.0, 1.0, str(out)).copied == copied
        assert facts(out)["tags"][:3] == tags[:3], file
        assert max(facts(out)["tags"][3], 1) == max(tags[3], 1), file
        colours = [
            next(reader.stills(reader.probe(str(each)).info, [0.0], 96)).jpeg
            for each in (path, out)
        ]
        one, other = (_rgb(jpeg) for jpeg in colours)
        # HDR is encoded in steep codes, and these colours lie at the edge of what can be shown.
        assert np.abs(one - other).mean() < (8 if tags[1] in (16, 18) else 4), file


def _rgb(jpeg: bytes) -> NDArray[np.float64]:
    import io

    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def test_uneven_times_are_kept(reader: Reader, tmp_path: Path) -> None:
    times = [0.0, 0.033, 0.2, 0.21, 0.5, 0.9, 0.913, 1.4, 1.44, 1.6]
    for file, codec, copied in (("a.mkv", "libx264", True), ("b.mkv", "ffv1", False)):
        path = write_video(tmp_path / file, scene(10), codec=codec, times=times)
        out = tmp_path / f"{file}.mp4"
        assert reader.clip(str(path), 0.2, 1.43, str(out)).copied == copied
        got = [at for at, _ in shown(out)]
        assert got == pytest.approx([t - 0.2 for t in times[2:8]], abs=1e-3)
        check_frames(path, out, 0.2, 1.43)


def test_copies_that_come_out_wrong_are_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.sources import clip_copy

    path = write_video(tmp_path / "a.mp4", scene(30), options={"g": "10"})
    out = tmp_path / "clip.mp4"
    right: Callable[..., Any] = clip_copy._cut

    def one_short(*given: Any) -> Any:
        cut = right(*given)
        return clip_copy._Cut(cut.key_pts, cut.count - 1)

    monkeypatch.setattr(clip_copy, "_cut", one_short)
    made = write_clip(str(path), 0.4, 0.8, str(out), 1, lambda: None)
    assert made.how == "re-encoded"
    assert "a copy shows" in made.note
    check_frames(path, out, 0.4, 0.8)


def test_without_x264_something_else_encodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_encode, "_EIGHT_BITS", ("no such encoder", "mpeg4"))
    path = write_video(tmp_path / "a.mkv", scene(10), codec="ffv1", pixels="yuv444p")
    out = tmp_path / "clip.mp4"
    made = write_clip(str(path), 0.0, 1.0, str(out), 1, lambda: None)
    assert made.note.startswith("mpeg4: ")
    check_frames(path, out, 0.0, 1.0)


def test_mastering_display_is_handed_on() -> None:
    import struct

    from core.sources.hdr_metadata import x265_parameters

    class Frame:
        side_data: ClassVar = {
            "MASTERING_DISPLAY_METADATA": struct.pack(
                "=22i", *(n for v in (34000, 16000, 13250, 34500, 7500, 3000, 15635, 16450)
                          for n in (v, 50000)), 1, 10000, 1000, 1, 1, 1,
            ),
            "CONTENT_LIGHT_LEVEL": struct.pack("=2I", 900, 300),
        }  # fmt: skip

    assert x265_parameters(Frame()) == (  # type: ignore[arg-type]
        "log-level=none:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)"
        "L(10000000,1):max-cll=900,300"
    )


def check_clip_length(clip: Path, seconds: float) -> None:
    """Check that a clip's frames span so many seconds, to two of them."""
    times = [at for at, _ in shown(clip)]
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(seconds, abs=0.08)
