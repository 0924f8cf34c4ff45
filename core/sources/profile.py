"""Small ICC profiles for colour spaces that a file names without giving one.

Matrix and curve profiles after ICC.1:2001-04 (version 2.4): what PNG's gAMA, cHRM and cICP chunks,
HEIF's and AVIF's `nclx` boxes and EXIF's Adobe RGB say becomes a profile, so that LittleCMS
converts every picture in the same way.
"""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
from numpy.typing import NDArray

Primaries = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green and blue"""
D65 = (0.3127, 0.3290)
SRGB_PRIMARIES: Primaries = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_PRIMARIES: Primaries = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
"""Adobe RGB (1998) Color Image Encoding, version 2005-05, section 4.3.1"""
ADOBE_GAMMA = 563 / 256
"""the same, section 4.3.4.2"""
PRIMARIES_BY_CODE: dict[int, Primaries] = {
    9: (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""ColourPrimaries of ITU-T H.273 (07/2021), table 2, that are not about those of sRGB"""
GAMMA_BY_CODE = {4: 2.2, 5: 2.8, 8: 1.0}
PQ, HLG = 16, 18
"""TransferCharacteristics of the same, table 3"""
CURVE_POINTS = 4096
WHITE_NITS = 203.0
"""HDR reference white: ITU-R BT.2408-7, section 2.1"""
HLG_PEAK_NITS = 1000.0
KNEE = 0.8
"""share of SDR's linear range that HDR keeps as it is; what is brighter is compressed above it"""
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@cache
def named_profile(primaries: Primaries, transfer: int = 0, gamma: float = 0.0) -> bytes:
    """Return an ICC profile: `gamma` if there is one, else the curve of a transfer code.

    Codes that are neither a power nor HDR stand for sRGB's curve, as browsers take them.
    """
    power = gamma or GAMMA_BY_CODE.get(transfer, 0.0)
    signal = np.linspace(0.0, 1.0, CURVE_POINTS)
    curve = signal**power if power else _CURVES.get(transfer, _from_srgb)(signal)
    return _profile(_columns(primaries), curve)


def _from_srgb(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1."""
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def _from_pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084 in nits, brought into SDR's range."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = signal ** (1 / m2)
    nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return _compressed(nits / WHITE_NITS)


def _from_hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.2100, HLG with a system gamma of 1.2 for 1,000 nits, brought into SDR's range."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return _compressed(HLG_PEAK_NITS * scene**1.2 / WHITE_NITS)


def _compressed(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return light, 1 for reference white, in 0 to 1: kept below the knee, eased in above it."""
    above = 1 - np.exp(-(np.maximum(light, KNEE) - KNEE) / (1 - KNEE))
    return np.where(light <= KNEE, light, KNEE + (1 - KNEE) * above)


_CURVES = {PQ: _from_pq, HLG: _from_hlg}


def _columns(primaries: Primaries) -> NDArray[np.float64]:
    """Return the XYZ of red, green and blue as columns, adapted to D50 after Bradford."""
    white, *colours = [_xyz(*primaries[at : at + 2]) for at in (0, 2, 4, 6)]
    unscaled = np.array(colours).T
    columns = unscaled * np.linalg.solve(unscaled, white)
    gains = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ gains @ _BRADFORD @ columns
    return adapted


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _profile(columns: NDArray[np.float64], curve: NDArray[np.float64]) -> bytes:
    points = np.round(np.clip(curve, 0, 1) * 65535).astype(">u2").tobytes()
    trc = b"curv" + struct.pack(">II", 0, CURVE_POINTS) + points
    name = b"made for this picture\x00"
    text = b"desc" + struct.pack(">II", 0, len(name)) + name + bytes(78)
    blocks = [
        (("desc",), text),
        (("cprt",), b"text" + bytes(4) + b"none\x00"),
        (("wtpt",), _xyz_block(_D50)),
        (("rXYZ",), _xyz_block(columns[:, 0])),
        (("gXYZ",), _xyz_block(columns[:, 1])),
        (("bXYZ",), _xyz_block(columns[:, 2])),
        (("rTRC", "gTRC", "bTRC"), trc),
    ]
    return _with_header(blocks)


def _xyz_block(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _fixed(values: NDArray[np.float64]) -> bytes:
    return bytes(np.round(values * 65536).astype(">i4").tobytes())


def _with_header(blocks: list[tuple[tuple[str, ...], bytes]]) -> bytes:
    count = sum(len(names) for names, _ in blocks)
    start = 128 + 4 + 12 * count
    table, body = struct.pack(">I", count), b""
    for names, block in blocks:
        for name in names:
            table += name.encode() + struct.pack(">II", start + len(body), len(block))
        body += block + bytes(-len(block) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    fixed = head + date + b"acsp" + bytes(28) + _fixed(_D50)
    return fixed.ljust(128, b"\x00") + table + body
