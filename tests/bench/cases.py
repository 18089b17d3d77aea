"""The million cases that the rules are measured on: made, the same on every machine, with gaps where data have gaps."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SEED = 20261120


def make_cases(count: int) -> pa.Table:
    """`count` cases with the words of rules/tables.yaml; about one value in ten of what can be unknown is NULL."""
    random = np.random.default_rng(_SEED)

    def unknown(values: pa.Array) -> pa.Array:
        return pc.if_else(pa.array(random.random(count) < 0.1), pa.scalar(None, values.type), values)

    def one_of(*texts: str) -> pa.Array:
        return pa.DictionaryArray.from_arrays(random.integers(0, len(texts), count, dtype=np.int32), texts).cast(
            pa.string()
        )

    def number(whole: np.ndarray, digits: int, places: int) -> pa.Array:
        return pa.array(whole / 10**places).cast(pa.decimal128(digits, places))

    days = random.integers(0, 240, count, dtype=np.int32)
    bucket = -(-days // 30)
    classes = pa.array(np.select([bucket == 0, bucket == 1, bucket <= 3], [0, 1, 2], 3).astype(np.int32))
    return pa.table(
        {
            "case_id": pa.array(np.arange(count, dtype=np.int64)),
            "delinquent_days": pa.array(days),
            "bucket_no": pa.array(bucket.astype(np.int32)),
            "class": pa.DictionaryArray.from_arrays(classes, ["current", "low", "mid", "high"]).cast(pa.string()),
            "repeated": pa.array(random.random(count) < 0.4),
            "overdue_amount": number(np.floor(100 * random.lognormal(8.7, 1.2, count)).astype(np.int64), 18, 2),
            "overdue_share": number(random.integers(0, 10_001, count), 9, 4),
            "collection_score": unknown(pa.array(random.integers(300, 851, count).astype(np.float64))),
            "lost_contact_score": unknown(pa.array(random.integers(300, 851, count).astype(np.float64))),
            "roll_rate_score": unknown(pa.array(random.integers(300, 851, count).astype(np.float64))),
            "age_years": unknown(pa.array(random.integers(18, 75, count, dtype=np.int64))),
            "years_employed": unknown(pa.array(random.integers(0, 40, count, dtype=np.int64))),
            "housing": unknown(one_of("owned", "rented", "family", "dormitory")),
            "payment_to_income": unknown(pa.array(random.integers(5, 90, count) / 100)),
            "gps_status": unknown(one_of("online", "offline", "none")),
            "vehicle_type": unknown(one_of("heavy_truck", "light_truck", "bus", "truck", "suv", "car")),
            "held": pa.array(random.random(count) < 0.02),
        }
    )
