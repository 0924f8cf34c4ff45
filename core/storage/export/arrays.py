"""Archives of arrays (.npz), written entry by entry, equal bytes for equal arrays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .document import Document

_SMALL = 4096
"""bytes of arrays whose head may be that of many others"""
Named = tuple[str, NDArray[Any]]


def archive(arrays: Iterable[Named], packed: Iterable[Named] = ()) -> bytes:
    """Return an .npz without a pickle; the entries of `packed` are compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, array in arrays:
            _add(target, name, array, zipfile.ZIP_STORED)
        for name, array in packed:
            _add(target, name, array, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _add(target: zipfile.ZipFile, name: str, array: NDArray[Any], method: int) -> None:
    entry = zipfile.ZipInfo(f"{name}.npy")  # of a fixed date
    entry.compress_type = method
    with target.open(entry, "w", force_zip64=True) as stream:
        if array.flags.c_contiguous and array.nbytes <= _SMALL and not array.dtype.hasobject:
            stream.write(_head(array.dtype, array.shape) + array.tobytes())
        else:
            np.lib.format.write_array(stream, array, allow_pickle=False)


@lru_cache(256)
def _head(kind: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return what is before the values in a .npy file: the same for many small arrays."""
    buffer = io.BytesIO()
    empty = np.zeros(shape, kind)
    np.lib.format.write_array(buffer, empty, allow_pickle=False)
    return buffer.getvalue()[: buffer.tell() - empty.nbytes]


def made_by(document: Document, stage: str) -> dict[str, NDArray[Any]]:
    """Return `model`, `revision`, `quantisation` and `precision` of a stage's model, as text ().

    Each is empty where nothing is known, as where the stage did not run.
    """
    asked = document.provenance.get("models", {}).get(stage, {})
    names = {
        "model": "model", "revision": "revision", "quantisation": "quantize", "precision": "dtype",
    }  # fmt: skip
    return {name: np.array(str(asked.get(key) or ""), np.str_) for name, key in names.items()}
