"""The migrations and the models say the same; every table and column says what it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from arrears.warehouse.base import SCHEMAS
from arrears.warehouse.embedded import EmbeddedPostgres
from arrears.warehouse.mart_views import VIEWS
from arrears.warehouse.migrate import _config, current_revision, require_current, upgrade
from arrears.warehouse.schema import metadata


@pytest.fixture
def warehouse(pg_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(pg_url)
    yield engine
    engine.dispose()


def test_the_migrations_make_what_the_models_say(warehouse: sa.Engine) -> None:
    with warehouse.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table_schema": "audit",
                "include_schemas": True,
                "include_name": lambda name, kind, _parents: kind != "schema" or name in SCHEMAS,
                "compare_type": True,
            },
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_migrations_make_the_views_as_they_are_written(warehouse: sa.Engine, view: object) -> None:
    from arrears.warehouse.mart_views import View

    assert isinstance(view, View)
    definition = sa.text("SELECT pg_get_viewdef(CAST(:name AS regclass))")
    with warehouse.connect() as connection:
        connection.execute(view.create("as_written", temporary=True))
        made = connection.execute(definition, {"name": f"mart.{view.name}"}).scalar()
        assert made == connection.execute(definition, {"name": "as_written"}).scalar()
        connection.execute(sa.select(sa.text("*")).select_from(sa.table(view.name, schema="mart")))
        connection.rollback()


def test_every_table_view_and_column_has_its_comment(warehouse: sa.Engine) -> None:
    found = sa.text(
        "SELECT format('%s.%s.%s', n.nspname, c.relname, a.attname)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE n.nspname IN ('mart', 'ops', 'audit') AND c.relkind IN ('r', 'v') AND c.relname <> 'alembic_version'"
        " AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)"
    )
    with warehouse.connect() as connection:
        assert connection.execute(found).scalars().all() == []


def test_the_views_comments_are_those_of_the_module(warehouse: sa.Engine) -> None:
    with warehouse.connect() as connection:
        for view in VIEWS:
            name = f"mart.{view.name}"
            comment = sa.text("SELECT obj_description(CAST(:name AS regclass), 'pg_class')")
            assert connection.execute(comment, {"name": name}).scalar() == view.comment
            columns = sa.text(
                "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute"
                " WHERE attrelid = CAST(:name AS regclass) AND attnum > 0"
            )
            assert dict(connection.execute(columns, {"name": name}).all()) == dict(view.columns)


def test_up_down_and_up_again(postgres: EmbeddedPostgres) -> None:
    engine = sa.create_engine(postgres.url(f"updown_{uuid.uuid4().hex[:12]}"))
    assert current_revision(engine) is None
    upgrade(engine)
    require_current(engine)
    with engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
        left = sa.text(
            "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('mart', 'ops', 'audit')"
        )
        assert connection.execute(left).scalars().all() == ["alembic_version"]
    upgrade(engine)
    upgrade(engine)
    require_current(engine)
    engine.dispose()


def test_facts_are_keyed_by_day_and_basis_first() -> None:
    from arrears.kpi.facts import DIMENSIONS, FACTS

    for fact in FACTS:
        assert [column.name for column in fact.table.primary_key.columns][:2] == ["as_of", "basis"], fact.name
    in_mart = {table.name for table in metadata.tables.values() if table.schema == "mart"}
    assert in_mart == {fact.name for fact in FACTS} | {table.name for table in DIMENSIONS}


def test_nothing_personal_or_protected_is_in_the_mart() -> None:
    banned = {
        "name",
        "phone",
        "email",
        "birth_date",
        "gender",
        "marital_status",
        "education",
        "housing",
        "employed_since",
        "age_years",
        "language",
        "profile_points",
        "profile_band",
        "profile_rule",
        "priority_rule",
    }
    for table in metadata.tables.values():
        if table.schema == "mart":
            assert not banned & {column.name for column in table.columns}, table.name
