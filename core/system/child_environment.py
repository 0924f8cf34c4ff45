"""What a child process that decodes files or runs a tool is given of our environment.

Such a process handles data from outside: it needs no token, key, password or proxy, so it gets only
variables of the lists below, and of those none whose name suggests a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_NAMES = frozenset(
    (
        "COLUMNS",
        "CONDA_PREFIX",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LINES",
        "LOCPATH",
        "LOGNAME",
        "PATH",
        "TEMP",
        "TERM",
        "TERMINFO",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
        "ATEN_CPU_CAPABILITY",
        "GLIBC_TUNABLES",
    )
)
_PREFIXES = (
    "BLIS_",
    "COV_CORE_",
    "COVERAGE_",
    "CUDA_",
    "DECORD_",
    "DYLD_",
    "GOTO_",
    "HIP_",
    "LC_",
    "LD_",
    "MALLOC_",
    "MKL_",
    "NVIDIA_",
    "OMP_",
    "OPENBLAS_",
    "PYTHON",
    "ROCR_",
)
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|PROXY|COOKIE")
# A value with a name and a password in an address is one, whatever the variable is called.
_SECRET_VALUE = re.compile(r"://[^/\s]*@")


def child_environment(
    more: Mapping[str, str] | None = None, *, also: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return the environment of a child process: what is on the lists, `also` named, and `more`.

    Nothing that looks like a secret is passed on, listed or not.
    """
    kept = {name: value for name, value in os.environ.items() if _is_kept(name, value, also)}
    return kept | dict(more or {})


def _is_kept(name: str, value: str, also: tuple[str, ...]) -> bool:
    listed = name in _NAMES or name in also or name.startswith(_PREFIXES)
    return listed and not _SECRET.search(name.upper()) and not _SECRET_VALUE.search(value)
