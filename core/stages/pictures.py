"""Taking a microbatch of pictures through their stages."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..errors import MissingExtra, SightlineError, SourceError
from ..records import SourceInfo
from ..sources.find import Found
from ..sources.reader import Probed, ReaderPool
from ..spec import Spec
from ..storage.results import Measured, Result, Results
from .judgement import judge
from .measure import StageTrack, open_tracks
from .stage import Window


@dataclass(frozen=True, slots=True)
class PictureDone:
    """One picture of a microbatch: what came of it, or why it failed.

    `info` is set as soon as the file could be read. A file that proves to be a video has `info`
    of that kind and no result.
    """

    found: Found
    info: SourceInfo | None
    result: Result | None
    failure: str = ""


def scan_pictures(
    results: Results, pool: ReaderPool, batch: Sequence[Found], spec: Spec
) -> list[PictureDone]:
    """Read pictures side by side, measure them and keep everything; one transaction a table."""
    with ThreadPoolExecutor(pool.size, "sightline-pictures") as threads:
        probes = list(threads.map(lambda found: _probe(pool, found), batch))
    measured: list[tuple[Found, Probed, list[StageTrack]]] = []
    tracks = []
    for found, probed in zip(batch, probes, strict=True):
        if isinstance(probed, Probed) and probed.picture is not None:
            opened = open_tracks(results, probed.info, spec)
            tracks += [_track(track, probed) for track in opened]
            measured.append((found, probed, opened))
    results.remember(
        (probed.info, found.mtime_ns)
        for found, probed in zip(batch, probes, strict=True)
        if isinstance(probed, Probed)
    )
    results.keep_pictures(tracks)
    judged = {
        found.path: judge(results, probed.info, spec, opened, {})
        for found, probed, opened in measured
    }
    results.keep(judged.values())
    return [
        _done(found, probed, judged.get(found.path))
        for found, probed in zip(batch, probes, strict=True)
    ]


def _probe(pool: ReaderPool, found: Found) -> Probed | SightlineError:
    with pool.lend() as reader:
        try:
            return reader.probe(found.path)
        except (SourceError, MissingExtra) as error:
            return error


def _track(
    track: StageTrack, probed: Probed
) -> tuple[str, str, str, int, dict[str, object], Measured]:
    batch = probed.picture
    assert batch is not None
    window = Window(batch.luma, 0, 1, batch.indices, batch.pts_seconds, batch.scale, 0)
    stage = track.stage
    values = stage.finish(stage.infer(stage.prepare(window)))
    part = Measured(0, batch.indices, batch.pts_seconds, values)
    return track.key, probed.info.content, stage.name, stage.version, track.settings, part


def _done(found: Found, probed: Probed | SightlineError, result: Result | None) -> PictureDone:
    if isinstance(probed, SightlineError):
        return PictureDone(found, None, None, str(probed))
    return PictureDone(found, probed.info, result)
