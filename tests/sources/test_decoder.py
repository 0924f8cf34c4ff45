"""`sampling.loop_filter` and `sampling.decoder`: what they change, and what they are known by."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from pydantic import ValidationError

from core.config.screening_settings import Sampling
from core.config.spec import Spec
from core.scans.measure import measure_settings
from core.sources.hardware import SOFTWARE, device
from core.sources.outcome import ReaderChosen
from core.sources.reader import Reader
from tests.workbench import texture, x264


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Draw moving texture, coarsely quantised: the loop filter has edges of blocks to smooth."""
    path = tmp_path_factory.mktemp("clip") / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.pix_fmt, stream.width, stream.height = "yuv420p", 320, 240
        stream.options = x264({"crf": "40", "preset": "veryfast"})
        pixels = np.asarray(texture(3))
        for number in range(12):
            moved = np.ascontiguousarray(np.roll(pixels, 3 * number, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode(None))
    return str(path)


def read(reader: Reader, clip: str, sampling: Sampling) -> tuple[np.ndarray, ReaderChosen]:
    items = list(reader.video(clip, sampling, 64))
    chosen = next(item for item in items if isinstance(item, ReaderChosen))
    return np.concatenate([item.luma for item in items if hasattr(item, "luma")]), chosen


def test_without_the_loop_filter_the_same_frames_have_other_pixels(
    reader: Reader, clip: str
) -> None:
    full, chosen = read(reader, clip, Sampling())
    skipped, _ = read(reader, clip, Sampling(loop_filter="skip"))
    assert chosen == ReaderChosen("pyav", "every frame is read")
    assert full.shape == skipped.shape == (12, 120, 160)
    assert not np.array_equal(full, skipped)
    assert np.abs(full.astype(int) - skipped).mean() < 8


def test_without_the_device_software_decodes_and_says_so(reader: Reader, clip: str) -> None:
    full, _ = read(reader, clip, Sampling())
    for asked, why in (("d3d11va", "d3d11va cannot be used here"), ("auto", "")):
        luma, chosen = read(reader, clip, Sampling(decoder=asked))
        if asked == "auto" and chosen.decoder != SOFTWARE:
            continue  # this machine has one
        assert chosen.decoder == SOFTWARE
        assert why in chosen.fallback
        assert chosen.fallback
        assert "fallback" in chosen.facts()
        assert np.array_equal(luma, full)
    # The process that had the limits of a device is replaced by one with the usual ones.
    again, chosen = read(reader, clip, Sampling())
    assert (chosen.fallback, np.array_equal(again, full)) == ("", True)


def test_a_device_that_ffmpeg_lacks_is_named() -> None:
    assert device(SOFTWARE).accelerator() is None
    found = device("mediacodec")
    assert found.name == SOFTWARE
    assert "built without mediacodec" in found.why


def test_both_are_part_of_the_key_and_defaults_leave_it_alone(reader: Reader, clip: str) -> None:
    info = reader.probe(clip).info
    plain = Spec()
    assert not {"loop_filter", "decoder"} & plain.what_matters()["sampling"].keys()
    assert (
        not {"loop_filter", "decoder"} & measure_settings(plain, "flash", info)["sampling"].keys()
    )
    changed = (Sampling(loop_filter="skip"), Sampling(decoder="cuda"), Sampling(decoder="auto"))
    specs = [plain, *(Spec(sampling=each) for each in changed)]
    assert len({spec.hash() for spec in specs}) == 4
    kept = [str(measure_settings(spec, "flash", info)) for spec in specs]
    assert len(set(kept)) == 4


def test_only_known_devices_are_accepted() -> None:
    for name in ("cuda:1", "vaapi:/dev/dri/renderD129", "videotoolbox"):
        assert Sampling(decoder=name).decoder == name
    for name in ("gpu", "cuda;rm", "", "software:1"):
        with pytest.raises(ValidationError):
            Sampling(decoder=name)
