"""The columns that cases bring to the decision tables: what a word of the vocabulary can be, and what it tells of whom.

A test holds them to `include/sql/strategy/facts.sql` and to the columns of the scores' bands.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from arrears.rules.vocabulary import Kind

CASE_COLUMNS: Mapping[str, Kind] = MappingProxyType(
    {
        "as_of": "date",
        "product": "text",
        "vehicle_type": "text",
        "region": "text",
        "currency": "text",
        "days_past_due": "number",
        "delinquent_days": "number",
        "oldest_due_date": "date",
        "unmet_installments": "number",
        "overdue_amount": "number",
        "outstanding_amount": "number",
        "outstanding_principal": "number",
        "bucket": "text",
        "bucket_no": "number",
        "class": "text",
        "repeated": "boolean",
        "written_off": "boolean",
        "spell_entered_on": "date",
        "case_entered_on": "date",
        "overdue_share": "number",
        "score_stage": "text",
        "collection_score": "number",
        "collection_model": "text",
        "collection_choice": "number",
        "collection_band": "text",
        "collection_stand_in": "boolean",
        "lost_contact_score": "number",
        "lost_contact_model": "text",
        "lost_contact_choice": "number",
        "lost_contact_band": "text",
        "lost_contact_stand_in": "boolean",
        "roll_rate_score": "number",
        "roll_rate_model": "text",
        "roll_rate_choice": "number",
        "roll_rate_band": "text",
        "roll_rate_stand_in": "boolean",
        "gender": "text",
        "marital_status": "text",
        "education": "text",
        "housing": "text",
        "payment_to_income": "number",
        "gps_status": "text",
        "promises_kept": "number",
        "promises_broken": "number",
        "hold_kind": "text",
        "held": "boolean",
        "age_years": "number",
        "years_employed": "number",
        "months_on_book": "number",
    }
)
"""Column of a case → what kind of value it has."""

PERSONAL: Mapping[str, str] = MappingProxyType(
    {
        "age_years": "age",
        "gender": "gender",
        "marital_status": "marital_status",
        "years_employed": "work_years",
        "education": "education",
        "housing": "housing",
        "payment_to_income": "income",
        "region": "location",
        "gps_status": "location",
    }
)
"""Column that tells something of a person → the attribute that policies judge it by, whatever the vocabulary says."""
