"""What the files of a checkpoint of transformers already say, before anything of it is loaded."""

from __future__ import annotations

from pathlib import Path

from .protocols import Loading
from .quantised_files import check_quantised
from .text_files import check_texts
from .weights import WeightFiles, choose_weights


def check_files(folder: Path, loading: Loading) -> WeightFiles:
    """Return the weights to load. Raises ModelRefused for files that cannot be read as meant."""
    check_texts(folder, loading.name, local=loading.local)
    found = choose_weights(folder, loading.name, named=loading.weights, local=loading.local)
    check_quantised(folder, found.files, loading.name)
    return found
