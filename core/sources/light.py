"""HDR and wide-gamut pixels as BT.709 for an ordinary screen: computed on light, not on codes.

PQ: EOTF of Rec. ITU-R BT.2100-2, table 4, in cd/m2. HLG: inverse OETF and OOTF of table 5 for a
display of 1,000 cd/m2 (system gamma 1.2). Luminance is then mapped by method C of Report ITU-R
BT.2446-1, section 6 (03/2021), with its parameters for 1,000 to 100 cd/m2: linear up to 58.5 % of
SDR, logarithmic above, so that reference white (203 cd/m2, Report ITU-R BT.2408) becomes 96 % of
the SDR signal. Method C ends at 118 % for 1,000 cd/m2, a headroom 8-bit pictures have not: what is
brighter than reference white is bent into the rest up to 100 % (a parabola, ours), so that a flash
keeps its shape. Brighter than 1,000 cd/m2 is white. The crosstalk matrix of method C is left out:
with a common factor for R, G and B it only changes the weights of luminance.

Primaries are converted in linear light (chromaticities of BT.709, BT.2020 and SMPTE EG 432-1); what
lies outside BT.709 is clipped. The result is encoded with the inverse of BT.1886 (gamma 2.4), as
SDR video is. SDR of a wide gamut takes the same way without tone mapping.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Transfer = Literal["sdr", "pq", "hlg"]
Primaries = Literal["bt709", "bt2020", "p3"]
_Floats = NDArray[np.float32]

REFERENCE_WHITE = 203.0
PEAK = 1000.0
PQ_PEAK = 10_000.0
GAMMA = 2.4
BLOCK_PIXELS = 1 << 17
"""converted at once: what fits into the processor's cache"""
_CODES = 1 << 16
_ROOTS = 1 << 12
_RATIOS = 1 << 13
_D65 = (0.3127, 0.3290)
_CHROMATICITIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_K1, _K2, _K3, _K4 = 0.83802, 15.09968, 0.74204, 78.99439
_BEND = 58.5 / _K1


def to_bt709(
    codes: NDArray[np.uint16], transfer: Transfer, primaries: Primaries
) -> NDArray[np.uint8]:
    """Return R'G'B' of the full 16-bit range (height, width, 3) as BT.709's, uint8, same shape."""
    flat = codes.reshape(-1, 3)
    out = np.empty(flat.shape, np.uint8)
    for start in range(0, len(flat), BLOCK_PIXELS):
        part = slice(start, start + BLOCK_PIXELS)
        out[part] = _block(flat[part], transfer, primaries)
    return out.reshape(codes.shape)


def sdr_luminance(luminance: NDArray[np.floating]) -> _Floats:
    """Return the share of SDR's peak, 0 to 1, for a display luminance in cd/m2, any shape."""
    nits = np.minimum(np.asarray(luminance, np.float32), np.float32(PEAK))
    percent = np.where(nits < _BEND, np.float32(_K1) * nits, _logarithmic(nits))
    white, peak = _white_and_peak()
    above = np.clip((percent - white) / (peak - white), 0, 1)
    bent = white + (100 - white) * above * (2 - above)
    return np.asarray(np.where(percent > white, bent, percent) / 100, np.float32)


def _logarithmic(nits: _Floats) -> _Floats:
    inside = np.maximum(nits, np.float32(_BEND)) / np.float32(_BEND) - np.float32(_K3)
    return np.asarray(np.float32(_K2) * np.log(inside) + np.float32(_K4), np.float32)


@lru_cache(maxsize=1)
def _white_and_peak() -> tuple[float, float]:
    white, peak = _logarithmic(np.array([REFERENCE_WHITE, PEAK], np.float32))
    return float(white), float(peak)


def _block(
    codes: NDArray[np.uint16], transfer: Transfer, primaries: Primaries
) -> NDArray[np.uint8]:
    # One row for each of R, G and B, and no matrix product: for three columns BLAS starts threads
    # that wait for each other, ten times as slow.
    light = np.take(_linear(transfer), np.ascontiguousarray(codes.T))
    weights = _to_xyz(primaries)[1].astype(np.float32)
    if transfer == "hlg":
        # The OOTF, with scene light of 0 to 1: luminance to the power of gamma - 1.
        scene = np.maximum(_mixed(light, weights), np.float32(1e-6))
        light *= np.float32(PEAK) * scene ** np.float32(0.2)
    if transfer != "sdr":
        share = np.minimum(_mixed(light, weights) / np.float32(PQ_PEAK), 1)
        light *= np.take(_ratios(), _places(np.sqrt(share), _RATIOS))
    if primaries != "bt709":
        light = np.stack([_mixed(light, row) for row in _conversion(primaries)])
    roots = np.sqrt(np.clip(light, 0, 1, out=light), out=light)
    return np.take(_encoded(), _places(roots, _ROOTS)).T


def _mixed(light: _Floats, weights: _Floats) -> _Floats:
    return np.asarray(light[0] * weights[0] + light[1] * weights[1] + light[2] * weights[2])


def _places(shares: _Floats, count: int) -> NDArray[np.uint16]:
    """Return the nearest of `count` table entries for shares of 0 to 1."""
    return np.asarray(shares * np.float32(count - 1) + np.float32(0.5)).astype(np.uint16)


@lru_cache(maxsize=1)
def _ratios() -> _Floats:
    """Return SDR over HDR luminance, for each square root of HDR luminance."""
    luminance = PQ_PEAK * (np.arange(_RATIOS) / (_RATIOS - 1)) ** 2
    luminance[0] = luminance[1]  # linear there: any will do
    return np.asarray(sdr_luminance(luminance) / luminance, np.float32)


@lru_cache(maxsize=4)
def _linear(transfer: Transfer) -> _Floats:
    """Return light for each 16-bit code: cd/m2 (PQ), scene light (HLG), share of peak (SDR)."""
    signal = np.arange(_CODES) / (_CODES - 1)
    light = _pq(signal) if transfer == "pq" else signal**GAMMA
    return np.asarray(_hlg(signal) if transfer == "hlg" else light, np.float32)


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = signal ** (1 / m2)
    return np.asarray(PQ_PEAK * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


@lru_cache(maxsize=1)
def _encoded() -> NDArray[np.uint8]:
    """Return the 8-bit code for each square root of light: evenly spaced where the eye sees it."""
    light = (np.arange(_ROOTS) / (_ROOTS - 1)) ** 2
    return np.asarray(np.rint(light ** (1 / GAMMA) * 255), np.uint8)


@lru_cache(maxsize=4)
def _to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ (rows X, Y, Z), white at Y = 1."""
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in _CHROMATICITIES[primaries]]).T
    x, y = _D65
    return np.asarray(xyz * np.linalg.solve(xyz, [x / y, 1, (1 - x - y) / y]))


@lru_cache(maxsize=4)
def _conversion(primaries: Primaries) -> _Floats:
    """Return the matrix from linear RGB to BT.709's, a row for each of R, G and B."""
    return np.linalg.solve(_to_xyz("bt709"), _to_xyz(primaries)).astype(np.float32)
