"""The data dictionary has every table of the warehouse and of the ledger, and a meaning for each column."""

from __future__ import annotations

from arrears.ledger.contract import TABLES
from arrears.warehouse.dictionary import render, uncommented
from arrears.warehouse.mart_views import VIEWS
from arrears.warehouse.schema import metadata


def test_nothing_is_without_a_comment() -> None:
    assert uncommented() == []


def test_every_table_is_in_it() -> None:
    text = render()
    for table in metadata.tables.values():
        assert f"### {table.fullname}\n" in text
    for view in VIEWS:
        assert f"### mart.{view.name}\n" in text
    for name in TABLES:
        assert f"### {name}\n" in text


def test_comments_of_the_mart_say_grain_and_source() -> None:
    for table in metadata.tables.values():
        if table.schema == "mart":
            assert "Grain:" in (table.comment or ""), table.name
            assert "Source:" in (table.comment or ""), table.name
    for view in VIEWS:
        assert "Grain:" in view.comment, view.name
        assert "Source:" in view.comment, view.name


def test_the_same_models_give_the_same_text() -> None:
    assert render() == render()
    assert "| `contract_id` | text | key | Contract; joins dim_contract. |" in render()
