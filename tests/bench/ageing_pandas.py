"""The ageing in pandas on Arrow: keys read as dictionaries, amounts as whole cents, groups summed before any join."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from tests.bench.terms import Terms


def age(ledger: Path, terms: Terms, out: Path) -> None:
    """Writes the core answer to the Parquet file `out`."""
    as_of = pa.scalar(terms.as_of, pa.date32())
    due = ds.field("due_date") < as_of
    book = _read(
        ledger / "contracts.parquet",
        ["contract_id"],
        (ds.field("originated_on") <= as_of)
        & (ds.field("ledger_from").is_null() | (ds.field("ledger_from") <= as_of))
        & (ds.field("closed_on").is_null() | (ds.field("closed_on") > as_of))
        & (ds.field("written_off_on").is_null() | (ds.field("written_off_on") > as_of)),
    )
    index = pd.Index(book["contract_id"].cast(pa.string()).to_pandas().astype(object))
    installments = _frame(
        _read(ledger / "installments.parquet", ["contract_id", "due_date", "installment_no", "amount_due"], due),
        "amount_due",
    )
    charges = _frame(
        _read(ledger / "charges.parquet", ["contract_id", "due_date", "charge_id", "kind", "amount"], due), "amount"
    )
    payments = _frame(
        _read(
            ledger / "payments.parquet",
            ["contract_id", "amount"],
            (ds.field("value_date") <= as_of) & (ds.field("reversed_on").is_null() | (ds.field("reversed_on") > as_of)),
        ),
        "amount",
    )
    owed = _sums(installments, index).add(_sums(charges, index))
    paid = _sums(payments, index)
    del payments
    short = index[(paid < owed).to_numpy()]

    dues = pd.concat(
        [
            _of(installments, short).assign(serving=2, item_id=""),
            _of(charges, short).assign(
                serving=lambda frame: np.where(frame["kind"] == "penalty", 0, 1),
                installment_no=0,
                item_id=lambda frame: frame["charge_id"].astype(object),
            ),
        ],
        ignore_index=True,
    )
    del installments
    dues = dues.sort_values(["contract_id", "due_date", "serving", "installment_no", "item_id"], ignore_index=True)
    before = dues["contract_id"].map(paid)
    unpaid = (dues.groupby("contract_id", sort=False)["cents"].cumsum() - before).clip(lower=0)
    unpaid = np.minimum(unpaid, dues["cents"])
    unmet = dues[(unpaid > terms.amount_cents) & (unpaid * 1_000_000 > dues["cents"] * terms.share_millionths)].groupby(
        "contract_id", sort=False
    )["due_date"]
    answer = pd.DataFrame({"owed": owed, "paid": paid}, index=index)
    answer["oldest_due_date"] = unmet.min().reindex(index)
    answer["unmet_installments"] = unmet.size().reindex(index, fill_value=0)
    day = np.datetime64(terms.as_of)
    answer["days_past_due"] = (day - answer["oldest_due_date"]).dt.days.fillna(0).astype("int32")
    delinquent = answer["days_past_due"] - terms.grace_days
    paused = _paused_days(ledger, terms, answer["oldest_due_date"].dropna())
    delinquent = delinquent.sub(paused, fill_value=0).clip(lower=0)
    first_days = np.array([first for _, first, _ in terms.buckets])
    names = np.array([name for name, _, _ in terms.buckets], dtype=object)
    bucket = names[np.searchsorted(first_days, delinquent.reindex(index).to_numpy(), side="right") - 1]
    cents = pa.array((owed - paid).clip(lower=0).to_numpy()).cast(pa.decimal128(19, 0))
    pq.write_table(
        pa.table(
            {
                "contract_id": pa.array(index, pa.string()),
                "days_past_due": pa.array(answer["days_past_due"], pa.int32()),
                "overdue_amount": pc.multiply(cents, pa.scalar(Decimal("0.01"))).cast(pa.decimal128(18, 2)),
                "oldest_due_date": pa.Array.from_pandas(answer["oldest_due_date"]).cast(pa.date32()),
                "unmet_installments": pa.array(answer["unmet_installments"], pa.int32()),
                "bucket": pa.array(bucket, pa.string()),
            }
        ),
        out,
        compression="zstd",
    )


def _read(file: Path, columns: list[str], where: ds.Expression) -> pa.Table:
    # a dictionary's codes are grouped far faster than texts
    form = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns={"contract_id"}))
    return ds.dataset(file, format=form).to_table(columns=columns, filter=where)


def _frame(table: pa.Table, amount: str) -> pd.DataFrame:
    cents = pc.cast(pc.multiply(table[amount], pa.scalar(100)), pa.int64())
    table = table.drop_columns(amount).append_column("cents", cents)
    return table.unify_dictionaries().to_pandas(self_destruct=True, split_blocks=True, date_as_object=False)


def _sums(frame: pd.DataFrame, index: pd.Index) -> pd.Series:
    sums = frame.groupby("contract_id", observed=True, sort=False)["cents"].sum()
    sums.index = sums.index.astype(object)
    return sums.reindex(index, fill_value=0)


def _of(frame: pd.DataFrame, contracts: pd.Index) -> pd.DataFrame:
    wanted = frame["contract_id"].cat.categories.isin(contracts)
    codes = frame["contract_id"].cat.codes.to_numpy()
    found = frame[wanted[codes]] if len(wanted) else frame.iloc[:0]
    return found.assign(contract_id=found["contract_id"].astype(object))


def _paused_days(ledger: Path, terms: Terms, oldest: pd.Series) -> pd.Series:
    holds = pd.read_parquet(ledger / "holds.parquet", columns=["contract_id", "kind", "start_date", "end_date"])
    holds = holds[holds["kind"] == "pause"]
    day = pd.Timestamp(terms.as_of)
    pauses = pd.DataFrame(
        {
            "contract_id": holds["contract_id"].astype(object),
            "from_day": pd.to_datetime(holds["start_date"]),
            "to_day": pd.to_datetime(holds["end_date"]).fillna(day).clip(upper=day),
        }
    ).merge(oldest.rename("oldest").rename_axis("contract_id").reset_index(), on="contract_id")
    pauses["from_day"] = pauses[["from_day", "oldest"]].max(axis=1)
    pauses = pauses[pauses["from_day"] < pauses["to_day"]].sort_values(["contract_id", "from_day", "to_day"])
    until = pauses.groupby("contract_id")["to_day"].cummax().groupby(pauses["contract_id"]).shift(1)
    begin = pauses[["from_day"]].assign(until=until).max(axis=1)
    days = (pauses["to_day"] - begin).dt.days.clip(lower=0)
    return days.groupby(pauses["contract_id"]).sum()
