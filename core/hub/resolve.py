"""From what a user wrote to one commit of one repository, or one folder."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ModelMissing, ModelRefused
from ..models.catalog import Catalog, CatalogEntry
from ..models.registry import BUILT_IN, FAMILIES, KINDS, family_in
from ..models.text_files import check_config
from ..models.weights import choose_weights
from ..text import clean, clean_path
from . import whole
from .control import Control
from .environment import FETCHES_NOTHING, endpoint, shown
from .faults import HubUnavailable, NoSuchRevision
from .layout import Folder, is_commit
from .named_weights import refuse_second_choice, refuse_unloadable
from .pins import Pins, gone
from .planning import refuse_without_config
from .reference import Reference
from .resolved import Channel, PinnedBy, Resolved
from .waiting import WaitNotice
from .wire import HubTimeouts, Wire

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf")
_STRETCHES, _STRETCH_BYTES = 16, 4096


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """How a model is wanted. `offline` names what forbids the network, if anything does."""

    channel: Channel = "stable"
    offline: str = ""
    allow_remote_code: bool = False
    weights: str = ""


class Resolver:
    """Finds models; asks the network only where the disk does not know."""

    def __init__(
        self, catalog: Catalog, pins: Pins, cache: Path, control: Control, patience: HubTimeouts,
        notice: WaitNotice | None = None,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._pins = pins
        self._cache = cache
        self._control = control
        self._patience = patience
        self._notice = notice or WaitNotice()

    def resolve(self, reference: Reference, wish: ModelRequest) -> Resolved:
        """Return what a reference stands for.

        Raises ModelMissing, ModelRefused, DownloadFailed, ProfileError or Interrupted.
        """
        if reference.where == "endpoint":
            return Resolved(
                reference.text, reference.name, "vlm", "endpoint", "", "endpoint", "endpoint",
                None, url=reference.url,
            )  # fmt: skip
        if reference.where == "folder":
            return of_folder(reference, wish)
        return self._of_hub(reference, wish)

    def _of_hub(self, reference: Reference, wish: ModelRequest) -> Resolved:
        known = self._catalog.of_repo(reference.repo)
        entry = self._catalog.models.get(reference.name) or (known[1] if known else None)
        folder = Folder(self._cache, reference.repo)
        commit, pinned_by, branch = self._commit(reference, entry, folder, wish)
        snapshot = folder.snapshot(commit)
        try:
            config = self._config(reference, entry, snapshot, commit, wish)
        except NoSuchRevision as error:
            if pinned_by == "reference":
                raise
            raise gone(reference.name, commit, pinned_by) from error
        family = reference.family or (
            entry.family if entry else _family(reference, config, snapshot)
        )
        weights = wish.weights or (entry.weights if entry else "")
        refuse_unloadable(reference.name, weights, family)
        if not (entry and entry.weights == weights):
            refuse_second_choice(reference.name, weights, snapshot)
        needs_code = entry.remote_code if entry else family == "minicpm_remote"
        found = Resolved(
            reference.text, reference.name, KINDS[family], family, reference.repo, commit,
            pinned_by, None, needs_code, branch=branch,
            weights=weights,
            options=entry.options if entry else {},
        )  # fmt: skip
        found = consented(found, wish) if wish.allow_remote_code and needs_code else found
        return _on_disk(found, folder, wish)

    def _commit(
        self, reference: Reference, entry: CatalogEntry | None, folder: Folder, wish: ModelRequest
    ) -> tuple[str, PinnedBy, str]:
        """Return the full commit, what decided it, and the branch it was asked for by."""
        revision, said_by = self._said(reference, entry)
        if is_commit(revision):
            return revision, said_by, ""
        if revision:
            try:
                return self._asked(reference, revision, folder, wish), said_by, revision
            except NoSuchRevision as error:
                if said_by == "reference":
                    raise
                raise gone(reference.name, revision, said_by) from error
        if wish.channel == "stable":
            if pin := self._pins.get(reference.repo):
                return pin.commit, "pins", ""
            cached = folder.ref("main")
            if cached and not whole.lacking(folder.snapshot(cached)):
                return cached, "cache", "main"
        return self._asked(reference, "", folder, wish), "newest", "main"

    def _said(self, reference: Reference, entry: CatalogEntry | None) -> tuple[str, PinnedBy]:
        """Return the revision that was chosen: behind the name, or as a default."""
        if reference.revision:
            return reference.revision, "reference"
        minicpm = os.environ.get("MINICPM_REVISION", "").strip()
        if minicpm and "minicpm" in reference.repo.lower():
            return minicpm, "MINICPM_REVISION"
        defaults = {name.lower(): rev for name, rev in self._catalog.revisions.items()}
        for name in (reference.name, reference.repo):
            if named := defaults.get(name.lower()):
                return named, "settings"
        return (entry.revision if entry else ""), "settings"

    def _asked(
        self, reference: Reference, revision: str, folder: Folder, wish: ModelRequest
    ) -> str:
        if wish.offline:
            found = _known_here(folder, revision)
            if found is None:
                raise _not_here(reference, wish, f" at '{clean(revision)}'" if revision else "")
            return found
        try:
            with self._wire() as wire:
                return wire.commit(reference.repo, revision)
        except HubUnavailable as error:
            found = _known_here(folder, revision)
            if found is None or whole.lacking(folder.snapshot(found), reference.family):
                raise
            self._notice.notify(
                f"{error}; {clean(reference.name)} is complete on this disk at {found[:12]}, "
                "which is used"
            )
            return found

    def _config(
        self,
        reference: Reference,
        entry: CatalogEntry | None,
        snapshot: Path,
        commit: str,
        wish: ModelRequest,
    ) -> dict[str, Any] | None:
        """Return the model's configuration where nothing else identifies its family."""
        if entry is not None or reference.family:
            return None
        found = whole.config_of(snapshot)
        if found is not None:
            return found
        check_config(snapshot, whole.CONFIGS, reference.name, local=False)
        if wish.offline:
            _refuse_kind(reference.name, snapshot)
            raise _not_here(reference, wish, f" at {commit}")
        with self._wire() as wire:
            for name in whole.CONFIGS:
                found = wire.json_file(reference.repo, commit, name)
                if found is not None:
                    return found
            refuse_without_config(wire, reference.repo, commit)
        return None

    def _wire(self) -> Wire:
        return Wire(endpoint(), self._control, self._patience, self._notice)


def _known_here(folder: Folder, revision: str) -> str | None:
    """Return the commit of a revision, or of the main branch, as far as the disk knows it."""
    commits = folder.commits()
    begun = [commit for commit in commits if revision and commit.startswith(revision)]
    found = folder.ref(revision or "main") or (begun[0] if len(begun) == 1 else None)
    # A lone snapshot is what there is, whichever branch it came by.
    return found or (commits[0] if len(commits) == 1 and not revision else None)


def _refuse_kind(name: str, snapshot: Path) -> None:
    """Raise ModelRefused if what is on this disk is something else than a model."""
    what = whole.kind_of(snapshot)
    if what is None:
        return
    rest = (
        f"for other files of its repository, run `sightline models pull {clean(name)}`; otherwise "
        if what.partial else ""
    )  # fmt: skip
    raise ModelRefused(f"{clean(name)}, as it is on this disk, {what.is_}; {rest}{what.instead}")


def consented(found: Resolved, wish: ModelRequest) -> Resolved:
    """Return the model with its own code allowed, if its commit was chosen. Raises ModelRefused."""
    if found.pinned_by in ("reference", "MINICPM_REVISION", "settings", "pins") and not (
        found.branch
    ):  # fmt: skip
        return replace(found, remote_code=True)
    raise ModelRefused(
        f"{clean(found.name)} runs its own Python code, which is allowed for a full commit "
        f"only: read it at {code_page(found)}, then name it: {clean(found.name)}@{found.revision}"
    )


def code_page(found: Resolved) -> str:
    """Return the page on which a model's own code can be read."""
    return clean(f"{shown(endpoint())}/{found.repo}/tree/{found.revision}")


def of_folder(reference: Reference, wish: ModelRequest) -> Resolved:
    """Return a folder of the user's own. Raises ModelRefused if it is no model, or not whole."""
    folder = reference.folder
    assert folder is not None
    name = clean_path(str(folder))
    config = whole.config_of(folder)
    if config is None:
        check_config(folder, whole.CONFIGS, name, local=True)
        _refuse_local_kind(name, folder)
        raise ModelRefused(f"{name} has no config.json or open_clip_config.json; is it a model?")
    family = family_in(folder, config)
    if family is None:
        raise ModelRefused(_unknown(name, config))
    refuse_unloadable(name, wish.weights, family)
    missing = whole.lacking(folder, family, weights=wish.weights)
    if missing and not wish.weights:
        _refuse_local_kind(name, folder)
    if missing and family in BUILT_IN:
        choose_weights(folder, name, named=wish.weights, local=True)  # says what they are
    if missing:
        raise ModelRefused(f"{name} is incomplete: it lacks {clean(', '.join(missing), limit=200)}")
    needs_code = family == "minicpm_remote"
    return Resolved(
        reference.text, reference.name, KINDS[family], family, "", local_revision(folder),
        "folder", folder, needs_code, remote_code=needs_code and wish.allow_remote_code,
        weights=wish.weights,
    )  # fmt: skip


def _refuse_local_kind(name: str, folder: Path) -> None:
    """Raise ModelRefused if a folder of the user's own is something else than a model."""
    what = whole.kind_of(folder)
    if what is not None:
        raise ModelRefused(f"{name} {what.local}")


def local_revision(folder: Path) -> str:
    """Return `local-` and a digest of what a folder's model is.

    Of its configuration, code and tokenizer all bytes count; of weights the size and stretches
    spread over the file, so that gigabytes need not be read and a retrained model is another one.
    """
    digest = hashlib.sha256()
    texts = {path for ending in ("*.json", "*.txt", "*.py", "*.model", "*.jinja")
             for path in folder.glob(ending)}  # fmt: skip
    for path in sorted(filter(Path.is_file, texts)):  # a pipe would be waited for without end
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    weights = {path for ending in _WEIGHTS for path in folder.glob(ending)}
    for path in sorted(filter(Path.is_file, weights)):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        _sample(path, digest)
    return f"local-{digest.hexdigest()[:24]}"


def _sample(path: Path, digest: hashlib._Hash) -> None:
    size = path.stat().st_size
    last = max(0, size - _STRETCH_BYTES)
    with path.open("rb") as file:
        for number in range(_STRETCHES):
            file.seek(last * number // (_STRETCHES - 1))
            digest.update(file.read(_STRETCH_BYTES))


def _on_disk(found: Resolved, folder: Folder, wish: ModelRequest) -> Resolved:
    """Return the model with its folder if it is whole. Raises ModelMissing if it cannot be got."""
    snapshot = folder.snapshot(found.revision)
    missing = whole.lacking(
        snapshot, found.family, weights=found.weights, remote_code=found.remote_code
    )
    if not missing:
        return replace(found, folder=snapshot)
    if not wish.offline:
        return replace(found, lacking=missing)
    _refuse_kind(found.name, snapshot)
    begun = missing != ("everything",)
    lacks = f"only partly on this disk: it lacks {clean(', '.join(missing), limit=200)}"
    what = lacks if begun else f"not on this disk at {found.revision}"
    raise ModelMissing(
        f"{clean(found.name)} is {what}; {_how_to_get(wish)}: "
        f"sightline models pull {clean(found.text)}"
    )


def _how_to_get(wish: ModelRequest) -> str:
    if wish.offline == FETCHES_NOTHING:
        return "get it with"
    return f"{wish.offline} forbids the download; online, run"


def _not_here(reference: Reference, wish: ModelRequest, where: str) -> ModelMissing:
    return ModelMissing(
        f"{clean(reference.name)} is not on this disk{where}; {_how_to_get(wish)}: "
        f"sightline models pull {clean(reference.text)}"
    )


def _family(reference: Reference, config: dict[str, Any] | None, snapshot: Path) -> str:
    if config is None:
        raise ModelRefused(
            f"{clean(reference.repo)} has no config.json or open_clip_config.json; it is not a "
            "model that sightline can load"
        )
    family = family_in(snapshot, config)
    if family is None:
        raise ModelRefused(_unknown(clean(reference.repo), config))
    return family


def _unknown(name: str, config: dict[str, Any]) -> str:
    kind = clean(str(config.get("model_type", "")), limit=60) or "unnamed"
    return (
        f"{name} is a model of type '{kind}', which no family of sightline loads; it can be used "
        "behind an endpoint (http://HOST:PORT/v1#MODEL) if a server there loads it"
    ) + "".join(f"; {fault}" for fault in FAMILIES.faults().values())
