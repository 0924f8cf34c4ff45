"""From a commit's listing to the files to fetch; what cannot be loaded is refused here.

Nothing large is fetched for it: the listing, the index of the weights, and files so small that
they may be pointers.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ModelRefused
from ..models.quantised_files import method_of, refuse_method
from ..text import clean
from . import listing
from .contents import without_config
from .file_faults import POINTER_BYTES, refuse_pointer
from .listing import RemoteFile
from .resolved import Resolved
from .weight_files import ReadJson
from .whole import needs_processor
from .wire import Wire


def needed_files(wire: Wire, resolved: Resolved) -> list[RemoteFile]:
    """Return the files a model needs. Raises ModelRefused, ModelMissing, DownloadFailed."""
    repo, commit = resolved.repo, resolved.revision
    files = listing.listing(repo, wire.tree(repo, commit))
    needed = listing.needed(
        repo, files, resolved.family, reader(wire, repo, commit), weights=resolved.weights,
        code=resolved.remote_code,
    )  # fmt: skip
    _refuse_pointers(wire, repo, commit, needed)
    if resolved.folder is None and needs_processor(resolved.family):  # transformers loads it
        config = reader(wire, repo, commit)("config.json")
        refuse_method(method_of(config or {}), repo)
    return needed


def refuse_without_config(wire: Wire, repo: str, commit: str) -> None:
    """Raise ModelRefused for a repository without a configuration, and say what it is."""
    names = {file.path for file in listing.listing(repo, wire.tree(repo, commit))}
    raise ModelRefused(f"{clean(repo)} {without_config(names, reader(wire, repo, commit)).text}")


def reader(wire: Wire, repo: str, commit: str) -> ReadJson:
    """Return what reads JSON files of a commit; one that is no JSON object is like none."""

    def read(path: str) -> dict[str, object] | None:
        try:
            return wire.json_file(repo, commit, path)
        except ModelRefused:
            return None

    return read


def _refuse_pointers(wire: Wire, repo: str, commit: str, files: Iterable[RemoteFile]) -> None:
    """Raise ModelRefused if a repository has a pointer of Git LFS as the content of a file."""
    for file in files:
        if not file.large and file.size_bytes in POINTER_BYTES:
            refuse_pointer(repo, file.path, wire.small_file(repo, commit, file.path) or b"")
