"""Arrow columns made from numpy arrays without a Python object per row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from arrears.demo.lender.draws import Flags, Integers, Reals
from arrears.ledger.contract import DATE, FLAG, INSTANT, INTEGER, MONEY, REAL

_DAY_MICROSECONDS = 86_400_000_000


def money(cents: Integers, valid: Flags | None = None) -> pa.Array:
    """Amounts in cents as DECIMAL(18,2); NULL where not `valid`."""
    # a 128-bit little-endian integer is its low 64 bits and its sign
    wide = np.empty((len(cents), 2), dtype="<i8")
    wide[:, 0] = cents
    wide[:, 1] = cents >> 63
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(MONEY, len(cents), [bitmap, pa.py_buffer(wide)])


def dates(days: Integers, valid: Flags | None = None) -> pa.Array:
    """Day numbers as dates; NULL where not `valid`."""
    return pa.array(days.astype(np.int32), mask=_mask(valid)).view(DATE)


def instants(days: Integers, seconds: Integers, valid: Flags | None = None) -> pa.Array:
    """Day numbers and seconds of the day as instants without offset; NULL where not `valid`."""
    return pa.array(days * _DAY_MICROSECONDS + seconds * 1_000_000, mask=_mask(valid)).view(INSTANT)


def integers(values: Integers, valid: Flags | None = None) -> pa.Array:
    """Integers of 32 bits; NULL where not `valid`."""
    return pa.array(values.astype(np.int32), type=INTEGER, mask=_mask(valid))


def reals(values: Reals, valid: Flags | None = None) -> pa.Array:
    """Floating-point numbers (never money); NULL where not `valid`."""
    return pa.array(values, type=REAL, mask=_mask(valid))


def flags(values: Flags) -> pa.Array:
    """Booleans."""
    return pa.array(values, type=FLAG)


def labels(codes: Integers, names: Sequence[str], valid: Flags | None = None) -> pa.DictionaryArray:
    """The text `names[code]` of each row, dictionary-encoded; NULL where not `valid`."""
    indices = pa.array(codes.astype(np.int32), mask=_mask(valid))
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, type=pa.string()))


def constant(name: str | None, count: int) -> pa.DictionaryArray:
    """The same text on `count` rows; NULL if there is none."""
    codes = np.zeros(count, dtype=np.int64)
    return labels(codes, [name or ""], None if name is not None else codes.astype(np.bool_))


def keys(values: pa.StringArray, rows: Integers) -> pa.DictionaryArray:
    """`values[row]` for each of `rows`, dictionary-encoded: a key that many rows share."""
    return pa.DictionaryArray.from_arrays(pa.array(rows.astype(np.int32)), values)


def texts(*parts: str | tuple[Integers, int], count: int, valid: Flags | None = None) -> pa.StringArray:
    """One text a row from fixed ASCII parts and numbers padded with zeros to a width: `texts("C", (n, 7), count=…)`."""
    width = sum(len(part) if isinstance(part, str) else part[1] for part in parts)
    characters = np.empty((count, width), dtype=np.uint8)
    at = 0
    for part in parts:
        if isinstance(part, str):
            characters[:, at : at + len(part)] = np.frombuffer(part.encode("ascii"), dtype=np.uint8)
            at += len(part)
            continue
        numbers, digits = part
        rest = numbers.astype(np.int64, copy=True)
        for place in range(at + digits - 1, at - 1, -1):
            characters[:, place] = rest % 10 + ord("0")
            rest //= 10
        at += digits
    offsets: npt.NDArray[np.int32] = np.arange(0, (count + 1) * width, width, dtype=np.int32)[: count + 1]
    array: pa.StringArray = pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(characters))
    if valid is None:
        return array
    missing = pa.scalar(None, type=pa.string())
    return pa.compute.if_else(pa.array(valid), array, missing)


def _mask(valid: Flags | None) -> Flags | None:
    return None if valid is None else ~valid
