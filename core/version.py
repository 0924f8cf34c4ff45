"""Which sightline this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


def sightline_version() -> str:
    """Return the installed version of sightline."""
    return package_version("sightline") or "0+unknown"


@cache  # every result names a dozen of them, and each is read from a file
def package_version(package: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
