"""How the C library's allocator treats memory that is freed.

Measuring allocates and frees arrays of some hundred KiB for each microbatch. By default glibc gives
each of them back to the system at once, and every page of the next is faulted in and zeroed anew.
"""

from __future__ import annotations

import ctypes
import sys

MIB = 1024 * 1024
KEPT_BYTES = 64 * MIB
"""freed memory at the end of an arena that is kept for the next allocation"""
MAPPED_FROM_BYTES = 8 * MIB
"""allocations from this size on are mappings of their own, which are returned when freed"""
# From glibc's malloc.h; mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> bool:
    """Let freed memory be used again instead of returning it; tell whether that was possible."""
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    wanted = ((_M_TRIM_THRESHOLD, KEPT_BYTES), (_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES))
    return all(mallopt(option, value) == 1 for option, value in wanted)
