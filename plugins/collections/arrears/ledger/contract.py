"""The ledger contract as data: which tables and columns a lender gives, and their types.

Version 1. Everything that reads a ledger (sources, quality, generator, data dictionary) asks this module, so a
column is added in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

VERSION = 1

TEXT = pa.string()
DATE = pa.date32()
MONEY = pa.decimal128(18, 2)
INTEGER = pa.int32()
REAL = pa.float64()
FLAG = pa.bool_()
INSTANT = pa.timestamp("us")
"""A date and time in the lender's time zone, without offset."""


@dataclass(frozen=True)
class Column:
    """One column of the contract; an absent optional column is read as all NULL."""

    name: str
    type: pa.DataType
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class TableContract:
    """One table of the contract; an absent optional table is read as empty."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    required: bool = False
    """The lender must give this table; a table that is not required may be absent or empty."""

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the table in the lake, in the contract's column order."""
        return pa.schema([pa.field(column.name, column.type) for column in self.columns])

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError if the contract has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name}.{name}")


def _required(name: str, type_: pa.DataType, meaning: str) -> Column:
    return Column(name, type_, meaning, required=True)


_TABLES = (
    TableContract(
        "contracts",
        "Loan and lease contracts.",
        ("contract_id",),
        (
            _required("contract_id", TEXT, "Key of the contract."),
            _required("customer_id", TEXT, "Who owes."),
            _required("product", TEXT, "Product, for example commercial_vehicle or auto."),
            _required("originated_on", DATE, "Day of disbursement."),
            _required("principal", MONEY, "Amount disbursed."),
            Column("annual_rate", REAL, "Nominal yearly rate, 0.12 for 12 %."),
            _required("term_months", INTEGER, "Agreed term in months."),
            Column("closed_on", DATE, "Day the contract was paid off or left the book for another reason."),
            Column("written_off_on", DATE, "Day the contract was written off."),
            Column("ledger_from", DATE, "First day that the ledger covers the contract."),
            Column("dealer_id", TEXT, "Dealer that sold the vehicle."),
            Column("region", TEXT, "Region of the contract."),
            Column("vehicle_type", TEXT, "heavy_truck, light_truck, bus, truck, suv, car, …"),
            Column("vehicle_new", FLAG, "True for a new vehicle."),
            Column("vehicle_model", TEXT, "Make and model."),
            Column("vehicle_model_year", INTEGER, "Model year."),
            Column("vehicle_value", MONEY, "Value of the vehicle at origination."),
            Column("gps_status", TEXT, "online, offline or none."),
            Column("gps_seen_on", DATE, "Last day the GPS unit was seen."),
            Column("guarantor_id", TEXT, "Guarantor, if any."),
            Column("currency", TEXT, "ISO 4217 code of all amounts of the contract."),
        ),
        required=True,
    ),
    TableContract(
        "installments",
        "The agreed schedule, past and future.",
        ("contract_id", "installment_no"),
        (
            _required("contract_id", TEXT, "Contract of the instalment."),
            _required("installment_no", INTEGER, "Number within the contract, unique there."),
            _required("due_date", DATE, "Day the instalment falls due."),
            _required("amount_due", MONEY, "principal_due + interest_due + fee_due."),
            Column("principal_due", MONEY, "Principal part."),
            Column("interest_due", MONEY, "Interest part."),
            Column("fee_due", MONEY, "Fee part."),
        ),
        required=True,
    ),
    TableContract(
        "payments",
        "Money received.",
        ("payment_id",),
        (
            _required("payment_id", TEXT, "Key of the payment."),
            _required("contract_id", TEXT, "Contract that was paid."),
            _required("value_date", DATE, "Day from which the payment counts."),
            _required("amount", MONEY, "Amount received, above zero."),
            Column("booked_at", INSTANT, "When the lender's system booked it."),
            Column("reversed_on", DATE, "Day the payment was returned: from then it counts as never made."),
        ),
        required=True,
    ),
    TableContract(
        "charges",
        "Amounts due outside the schedule.",
        ("charge_id",),
        (
            _required("charge_id", TEXT, "Key of the charge."),
            _required("contract_id", TEXT, "Contract that is charged."),
            _required("due_date", DATE, "Day the charge falls due."),
            _required("amount", MONEY, "Amount charged."),
            Column("kind", TEXT, "penalty, late_fee, chargeback, repossession, …"),
        ),
    ),
    TableContract(
        "customers",
        "Who owes: profile and addresses. Personal data: stays in the lake.",
        ("customer_id",),
        (
            _required("customer_id", TEXT, "Key of the customer."),
            Column("name", TEXT, "Name. Personal."),
            Column("birth_date", DATE, "Date of birth. Personal."),
            Column("gender", TEXT, "Gender. Protected."),
            Column("marital_status", TEXT, "Marital status. Protected."),
            Column("education", TEXT, "Highest education."),
            Column("housing", TEXT, "owned, mortgaged, rented, …"),
            Column("employed_since", DATE, "Start of the present employment."),
            Column("phone", TEXT, "Phone number. Personal."),
            Column("email", TEXT, "E-mail address. Personal."),
            Column("region", TEXT, "Region of residence."),
            Column("time_zone", TEXT, "IANA time zone of the customer."),
            Column("language", TEXT, "Language for contacts, zh, en, …"),
            Column("payment_to_income", REAL, "Instalment divided by income."),
        ),
    ),
    TableContract(
        "scores",
        "Model scores.",
        ("contract_id", "model", "stage", "scored_on"),
        (
            _required("contract_id", TEXT, "Contract that was scored."),
            _required("model", TEXT, "collection, lost_contact, roll_rate, bureau, …"),
            Column("stage", TEXT, "M0M1, M1M4, M4+ or NULL for a model of all stages."),
            _required("score", REAL, "The score."),
            Column("scored_on", DATE, "Day of scoring."),
        ),
    ),
    TableContract(
        "holds",
        "Reasons not to collect, or not to count days.",
        ("contract_id", "kind", "start_date"),
        (
            _required("contract_id", TEXT, "Contract that is held."),
            _required("kind", TEXT, "pause, dispute, bankruptcy, deceased, fraud, legal."),
            _required("start_date", DATE, "First day of the hold."),
            Column("end_date", DATE, "First day after the hold; NULL while it is open."),
        ),
    ),
    TableContract(
        "collectors",
        "The people who collect.",
        ("collector_id",),
        (
            _required("collector_id", TEXT, "Key of the collector."),
            Column("name", TEXT, "Name. Personal."),
            Column("team", TEXT, "Team."),
            Column("skills", TEXT, "Queues that the collector works, comma separated; NULL: all."),
            Column("regions", TEXT, "Regions that the collector works, comma separated; NULL: all."),
            Column("languages", TEXT, "Languages that the collector speaks, comma separated; NULL: all needed ones."),
            Column("seniority", INTEGER, "Seniority, higher for larger amounts; NULL: the lowest, 0."),
            Column("daily_quota", INTEGER, "New cases a day; NULL: no quota."),
            Column("capacity", INTEGER, "Cases in hand at most; NULL: no limit."),
            Column("active_from", DATE, "First working day."),
            Column("active_to", DATE, "First day after leaving; NULL while employed."),
            Column("present", FLAG, "At work today; NULL: yes."),
        ),
    ),
    TableContract(
        "contact_results",
        "Earlier contacts and how they ended, by whatever system made them.",
        ("result_id",),
        (
            _required("result_id", TEXT, "Key of the result."),
            Column("contract_id", TEXT, "Contract that it was about."),
            Column("customer_id", TEXT, "Customer that was contacted."),
            Column("collector_id", TEXT, "Collector, if a person made it."),
            _required("channel", TEXT, "call, sms, email, visit, …"),
            _required("attempted_at", INSTANT, "When, in the lender's time zone."),
            Column(
                "outcome",
                TEXT,
                "connected, right_party, wrong_party, no_answer, busy, invalid, delivered, failed, …",
            ),
            Column("initiated_by", TEXT, "lender or customer."),
        ),
    ),
    TableContract(
        "promises",
        "Promises to pay.",
        ("promise_id",),
        (
            _required("promise_id", TEXT, "Key of the promise."),
            _required("contract_id", TEXT, "Contract that is promised."),
            _required("made_on", DATE, "Day the promise was made."),
            _required("due_on", DATE, "Day the money is promised for."),
            Column("amount", MONEY, "Amount promised."),
        ),
    ),
    TableContract(
        "consents",
        "What a customer allowed or refused, per channel.",
        ("customer_id", "channel", "valid_from"),
        (
            _required("customer_id", TEXT, "Customer."),
            _required("channel", TEXT, "Channel, or all."),
            _required("allowed", FLAG, "True: allowed; false: refused."),
            Column("reason", TEXT, "opt_out, cease, attorney, agreed, …"),
            Column("valid_from", INSTANT, "First instant, or first day; in the lender's time zone. NULL: always."),
            Column("valid_to", INSTANT, "First instant, or first day, after; NULL: open."),
        ),
    ),
)

TABLES: Mapping[str, TableContract] = MappingProxyType({table.name: table for table in _TABLES})
"""The contract's tables by name, in the contract's order."""


def arrow_schema(table: str) -> pa.Schema:
    """The Arrow schema of `table`; KeyError if the contract has no such table."""
    return TABLES[table].schema
