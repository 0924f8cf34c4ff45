"""Archives of arrays (.npz), written entry by entry, equal bytes for equal arrays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .document import Document

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
        np.lib.format.write_array(stream, array, allow_pickle=False)


def made_by(document: Document, stage: str) -> dict[str, NDArray[Any]]:
    """Return `model`, `revision`, `quantisation` and `precision` of a stage's model, as text ().

    Each is empty where nothing is known, as where the stage did not run.
    """
    asked = document.provenance.get("models", {}).get(stage, {})
    names = {
        "model": "model", "revision": "revision", "quantisation": "quantize", "precision": "dtype",
    }  # fmt: skip
    return {name: np.array(str(asked.get(key) or ""), np.str_) for name, key in names.items()}
