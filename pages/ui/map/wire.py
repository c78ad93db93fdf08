"""The bytes between Python and the map component: pure numpy, decoded by ``wire.js``.

A packet is ``b"WNW1"``, a little-endian u32 header length, a UTF-8 JSON header padded with spaces to
four bytes, then little-endian arrays, each padded to four bytes, in the order of ``header["arrays"]``
(``[name, "u1" | "u2" | "u4", length]``).

``cloud`` and ``move`` say what the two kinds of packets hold. In both, n rows of the dataset, m points
drawn (m = n unless a sample is drawn), c clusters. Rows are positions in the dataset, points are
positions among those drawn; the two are the same when all are drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Positions = NDArray[np.int64]
Header = dict[str, Any]

MAGIC = b"WNW1"


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """One packet: ``header`` (JSON) and unsigned ``arrays`` of 1, 2 or 4 bytes an entry."""
    described = [[name, f"u{a.dtype.itemsize}", len(a)] for name, a in arrays.items()]
    text = json.dumps({**header, "arrays": described}, ensure_ascii=False, separators=(",", ":"))
    head = _padded(text.encode(), b" ")
    parts = [MAGIC, len(head).to_bytes(4, "little"), head]
    parts += [_padded(a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes()) for a in arrays.values()]
    return b"".join(parts)


def unpack(packet: bytes) -> tuple[Header, dict[str, NDArray[Any]]]:
    """The header and the arrays of a packet; raises ``ValueError`` where it is not one."""
    if packet[:4] != MAGIC:
        raise ValueError("not a map packet")
    start = 8 + int.from_bytes(packet[4:8], "little")
    header: Header = json.loads(packet[8:start])
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind, length in header.pop("arrays"):
        arrays[name] = np.frombuffer(packet, dtype=f"<{kind}", count=length, offset=start)
        start += -(-arrays[name].nbytes // 4) * 4
    return header, arrays


def _padded(data: bytes, filler: bytes = b"\0") -> bytes:
    return data + filler * (-len(data) % 4)


def pack_set(positions: NDArray[Any], size: int) -> tuple[list[Any], Bytes]:
    """A set of positions below ``size``: [code, count, k] and its bytes, the shorter of two codes.

    "bits": one bit a position. "rice": sorted gaps in the Golomb-Rice code with parameter k, which
    lies close to the entropy where membership is scattered (9,229 of 52,002: 4.4 KB, bits 6.5 KB).
    "except": the positions that are *not* in the set, in that code.
    """
    members = np.sort(np.asarray(positions, dtype=np.int64))
    mask = np.zeros(size, dtype=np.uint8)
    mask[members] = 1
    kind = "rice"
    if 2 * len(members) > size:
        kind, members = "except", np.flatnonzero(mask == 0)
    gaps = np.diff(members, prepend=-1) - 1
    costs = [int((gaps >> k).sum()) + len(gaps) * (k + 1) for k in range(25)]
    k = int(np.argmin(costs))
    if costs[k] < size:
        return [kind, len(gaps), k], _rice(gaps, k)
    return ["bits", size, 0], np.packbits(mask)


def unpack_set(code: Sequence[Any], data: Bytes, size: int) -> Positions:
    """The sorted positions of ``pack_set``; what the browser does, for tests."""
    kind, count, k = code
    bits = np.unpackbits(data)
    if kind == "bits":
        return np.flatnonzero(bits)
    listed = np.empty(count, dtype=np.int64)
    at, last = 0, -1
    for i in range(count):
        zero = at + int(np.argmin(bits[at:]))
        rest = int("".join(map(str, bits[zero + 1 : zero + 1 + k])) or "0", 2)
        last += 1 + ((zero - at) << k) + rest
        listed[i] = last
        at = zero + 1 + k
    return listed if kind == "rice" else np.setdiff1d(np.arange(size), listed)


def _rice(gaps: Positions, k: int) -> Bytes:
    """Each gap as gap >> k ones, a zero, and its k low bits; most significant bit first."""
    ones = gaps >> k
    lengths = ones + 1 + k
    starts = np.cumsum(lengths) - lengths
    bits = np.ones(int(lengths.sum()), dtype=np.uint8)
    zeros = starts + ones
    bits[zeros] = 0
    for j in range(k):
        bits[zeros + 1 + j] = (gaps >> (k - 1 - j)) & 1
    return np.packbits(bits)
