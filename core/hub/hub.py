"""The one door to models: find, fetch, pin, list, check, remove.

hub = Hub()
found = hub.resolve("siglip2-base")
if found.folder is None:
    found = hub.pull(hub.plan(found))
... Loading(found.name, found.family, found.folder, found.revision)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.user_settings import config_folder
from ..errors import DownloadFailed, ModelMissing, ModelRefused, UnknownName, UsageError
from ..text import clean
from .control import Control
from .environment import cache_folder, endpoint, offline
from .waiting import WaitNotice

if TYPE_CHECKING:
    from ..models.catalog import Catalog
    from .cache import CachedModel
    from .check import Checked
    from .download import Download
    from .pins import Pin, Pins
    from .progress import DownloadProgress
    from .resolved import Channel, Resolved
    from .wire import HubTimeouts, Wire


class Hub:
    """Cheap to make, keeps no connection open; its methods may be called by any thread.

    `offline` (true, or what to call the reason) forbids the network, as `HF_HUB_OFFLINE` and
    `SIGHTLINE_OFFLINE` do. `notify` gets a line when the hub is waited for or not needed; any
    thread calls it.
    """

    def __init__(
        self, *, offline: bool | str = False, cache: Path | None = None, config: Path | None = None,
        patience: HubTimeouts | None = None, notify: Callable[[str], None] = lambda _text: None,
    ) -> None:  # fmt: skip
        self._notice = WaitNotice(notify)
        self._offline = offline
        self._cache = cache
        self._config = config
        self._patience = patience

    @property
    def cache(self) -> Path:
        """Return the folder models lie in."""
        return self._cache or cache_folder()

    @property
    def offline(self) -> str:
        """Return what forbids the network, or an empty string."""
        return offline(self._offline)

    @property
    def pins(self) -> Pins:
        """Return the commits models are pinned at."""
        from .pins import Pins

        return Pins(self._config or config_folder())

    @property
    def catalog(self) -> Catalog:
        """Return the models known by name, as the files are now. Raises ProfileError."""
        from ..models import catalog

        return catalog.load()

    def resolve(
        self, text: str, channel: Channel = "stable", *, allow_remote_code: bool = False,
        weights: str = "", control: Control | None = None,
    ) -> Resolved:  # fmt: skip
        """Return what a reference stands for; asks the network only where the disk does not know.

        Raises UnknownName, UsageError, ModelMissing, ModelRefused, DownloadFailed, ProfileError,
        or Interrupted when `control` is cancelled.
        """
        from .reference import parse
        from .resolve import ModelRequest, Resolver

        known = self.catalog
        resolver = Resolver(
            known, self.pins, self.cache, control or Control(), self._patience_or_usual(),
            self._notice,
        )  # fmt: skip
        wish = ModelRequest(channel, self.offline, allow_remote_code, weights)
        return resolver.resolve(parse(text, known), wish)

    def plan(self, resolved: Resolved, control: Control | None = None) -> Download:
        """Return what a pull would fetch, and what of it lies here.

        Raises ModelMissing when offline, ModelRefused for what cannot be loaded, for a hostile
        listing or code without consent, DownloadFailed, and UsageError for what is not fetched.
        """
        from . import download
        from .faults import NoSuchRevision
        from .pins import gone
        from .planning import needed_files

        self._fetchable(resolved)
        try:
            with self._wire(control) as wire:
                files = needed_files(wire, resolved)
        except NoSuchRevision as error:
            if resolved.pinned_by == "reference":
                raise
            raise gone(resolved.name, resolved.revision, resolved.pinned_by) from error
        return download.plan(resolved, self.cache, files)

    def plan_or_keep(self, resolved: Resolved, control: Control | None = None) -> Download | None:
        """Return the same, or None where the model is whole here and the hub cannot say more.

        That is so if the hub does not answer, or no longer has the commit. Raises as `plan` does.
        """
        from .faults import HubUnavailable, NoSuchRevision

        try:
            return self.plan(resolved, control)
        except (HubUnavailable, NoSuchRevision) as error:
            if resolved.folder is None:
                raise
            self._notice.notify(
                f"{error}; {clean(resolved.name)} is complete on this disk at "
                f"{resolved.revision[:12]}, and nothing was downloaded"
            )
            return None

    def pull(
        self, planned: Download, progress: Callable[[DownloadProgress], None] = lambda _: None,
        control: Control | None = None,
    ) -> Resolved:  # fmt: skip
        """Fetch what is missing and return the model with its folder; the first pull pins it.

        `progress` is called by this thread, at most five times a second and once at the end.
        Raises DiskFull, DownloadFailed, ModelMissing, ModelRefused, or Interrupted when
        cancelled; what came is kept, and the next pull continues from there.
        """
        from . import download, whole

        control = control or Control()
        found = planned.resolved
        folder = download.pull(planned, progress, control, self._patience_or_usual(), self._notice)
        missing = whole.lacking(
            folder, found.family, weights=found.weights, remote_code=found.remote_code
        )
        if missing:
            raise ModelRefused(
                f"{clean(found.name)} was downloaded, but its repository lacks "
                f"{clean(', '.join(missing), limit=200)}; it cannot be loaded"
            )
        self._pin(found, control)
        return replace(found, folder=folder, lacking=())

    def cached(self) -> list[CachedModel]:
        """Return every model in the cache, whichever tool put it there."""
        from . import cache

        return cache.cached(self.cache)

    def remove(self, text: str) -> int:
        """Remove a model (`NAME`), or one commit of it (`NAME@REV`), and return the bytes freed.

        Its pin stays, so that pulling it again gives the same commit. Raises UnknownName if it is
        not here, UsageError for a folder or endpoint, EnvironmentFault while it is being fetched.
        """
        from . import cache
        from .layout import Folder, is_commit
        from .reference import parse

        reference = parse(text, self.catalog)
        if reference.where != "hub":
            raise UsageError(f"{clean(text)} was not downloaded by sightline, so it is not removed")
        folder = Folder(self.cache, reference.repo)
        commit = reference.revision
        if commit and not is_commit(commit):
            begun = [c for c in folder.commits() if c.startswith(commit)]
            commit = folder.ref(commit) or (begun[0] if len(begun) == 1 else "")
            if not commit:
                raise UnknownName(
                    f"{clean(text)} is not on this disk; `sightline models show` lists what is"
                )
        return cache.remove(self.cache, reference.repo, commit)

    def check_files(
        self, resolved: Resolved, *, clean_up: bool = False, control: Control | None = None,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Checked:  # fmt: skip
        """Read all files of a model again and compare them with their checksums.

        `clean_up` removes damaged files, so that the next pull fetches them again, and what other
        tools left unfinished. Raises ModelMissing if nothing of it is here, and Interrupted.
        """
        from . import cache
        from .check import check
        from .layout import Folder

        folder = Folder(self.cache, resolved.repo)
        snapshot = resolved.folder or folder.snapshot(resolved.revision)
        if not snapshot.is_dir():
            raise ModelMissing(
                f"{clean(resolved.name)} is not on this disk at {resolved.revision}; "
                f"sightline models pull {clean(resolved.text)}"
            )
        found = check(resolved, snapshot, control or Control(), progress)
        if clean_up and resolved.repo:
            cache.clean_leftovers(folder)
            for fault in found.faults:
                if fault.blob is not None:
                    fault.blob.unlink(missing_ok=True)
                    (snapshot / fault.path).unlink(missing_ok=True)
        return found

    def promote(self, text: str) -> Pin:
        """Pin a model at the newest commit fetched here, or at the one named (`NAME@COMMIT`).

        Raises UsageError unless that commit was loaded and tried on this machine. Where it is not
        known which commit is the newest, the one that was tried last is pinned.
        """
        from .layout import Folder
        from .promotion import commit_to_pin
        from .reference import parse

        known = self.catalog
        reference = parse(text, known)
        if reference.where != "hub":
            raise UsageError(
                f"{clean(text)} has no commit to pin because it is not a model of the hub"
            )
        newest = Folder(self.cache, reference.repo).ref("main") or ""
        commit = commit_to_pin(reference, known.rows(reference.repo), newest)
        return self.pins.set(reference.repo, commit, "promoted")

    def unpin(self, text: str) -> Pin:
        """Remove a model's pin and return it; the next pull pins the newest commit.

        Raises UnknownName if it has none, ProfileError, EnvironmentFault.
        """
        from .reference import parse

        reference = parse(text, self.catalog)
        pin = self.pins.remove(reference.repo) if reference.repo else None
        if pin is None:
            raise UnknownName(f"{clean(text)} is not pinned")
        return pin

    def _pin(self, found: Resolved, control: Control) -> None:
        """Pin what was pulled, if nothing is or if the commit of its pin is gone."""
        pin = self.pins.get(found.repo)
        # A branch that was named on purpose says nothing about what the name alone should mean.
        named = found.pinned_by == "reference" and bool(found.branch)
        if pin is None and not named:
            self.pins.first(found.repo, found.revision)
        elif pin is not None and pin.commit != found.revision and self._is_gone(pin, control):
            self.pins.set(found.repo, found.revision, "replaced")
            self._notice.notify(
                f"{clean(found.name)} was pinned to {pin.commit}, which its repository no longer "
                f"has; it is now pinned to {found.revision}"
            )

    def _is_gone(self, pin: Pin, control: Control) -> bool:
        """Return whether a pinned commit is neither on this disk nor on the hub."""
        from . import whole
        from .faults import NoSuchRevision
        from .layout import Folder

        if not whole.lacking(Folder(self.cache, pin.repo).snapshot(pin.commit)):
            return False
        try:
            with self._wire(control) as wire:
                wire.commit(pin.repo, pin.commit)
        except NoSuchRevision:
            return True
        except (DownloadFailed, ModelMissing):
            return False
        return False

    def _wire(self, control: Control | None) -> Wire:
        from .wire import Wire

        return Wire(endpoint(), control or Control(), self._patience_or_usual(), self._notice)

    def _fetchable(self, resolved: Resolved) -> None:
        from .resolve import code_page

        name = clean(resolved.name)
        if not resolved.repo:
            raise UsageError(f"{name} is not downloaded: it is {_other(resolved)}")
        if self.offline:
            raise ModelMissing(
                f"{name} cannot be downloaded: {self.offline} is set; online, run: "
                f"sightline models pull {clean(resolved.text)}"
            )
        if resolved.needs_remote_code and not resolved.remote_code:
            raise ModelRefused(
                f"{name} runs its own Python code: read it at {code_page(resolved)}, and if you "
                f"trust it: sightline models pull {name}@{resolved.revision} --allow-remote-code"
            )

    def _patience_or_usual(self) -> HubTimeouts:
        from .wire import HubTimeouts

        return self._patience or HubTimeouts()


def _other(resolved: Resolved) -> str:
    return "behind an endpoint" if resolved.url else "a local folder"
