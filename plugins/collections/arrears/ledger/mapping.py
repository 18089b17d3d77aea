"""The mapping file: a lender's names of tables and columns, and the contract's names for them.

```yaml
tables:
  core.loan_master:            # the lender's table
    table: contracts           # the contract's
    columns:
      loan_no: contract_id     # the lender's column: the contract's
    extra: [pool]              # columns beyond the contract to keep in the lake
```

A table or column that is not mentioned is looked for under the contract's own name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from arrears.errors import LedgerError, SettingsError
from arrears.ledger.contract import TABLES, TableContract
from arrears.ledger.door import PlannedColumn, PlannedTable, expected_of, fits
from arrears.ledger.sources.base import Source, SourceColumn
from arrears.rules.files import Document, Location, RuleModel, parse_rules


class TableMapping(RuleModel):
    """One of the lender's tables."""

    table: str
    """The contract's name of the table."""
    columns: dict[str, str] = Field(default_factory=dict)
    """The lender's column → the contract's."""
    extra: list[str] = Field(default_factory=list)
    """Columns beyond the contract to keep."""


class LedgerMapping(RuleModel):
    """A mapping file: the lender's table → what it is in the contract."""

    tables: dict[str, TableMapping] = Field(default_factory=dict)


class Mapping:
    """A mapping file whose contract names were checked; without a file, every name is the contract's own."""

    def __init__(self, path: Path | None) -> None:
        self._document: Document | None = None
        self.content = LedgerMapping()
        if path is None:
            return
        if not path.is_file():
            raise SettingsError(
                expected="a mapping file",
                found="no such file",
                where=f"ARREARS_LEDGER_MAPPING={path}",
                action="Correct the variable, or unset it when the ledger has the contract's names.",
            )
        self.content = parse_rules(path, LedgerMapping)
        self._document = Document(path)
        self._check_contract_names()

    def source_of(self, table: str) -> tuple[str, TableMapping, Location]:
        """The lender's table for the contract's `table`, how it is mapped, and where in the file."""
        for name, mapping in self.content.tables.items():
            if mapping.table == table:
                return name, mapping, ("tables", name)
        return table, TableMapping(table=table), ()

    def refuse(
        self, location: Location, *, expected: str, found: str, known: Iterable[str], action: str
    ) -> LedgerError:
        """The error for a wrong name at `location`, with the nearest right one."""
        near = nearest(found, known)
        return LedgerError(
            expected=expected,
            found=repr(found),
            where=self._document.place(location) if self._document else "the mapping",
            action=f"Did you mean {near!r}?" if near else action,
        )

    def _check_contract_names(self) -> None:
        taken: dict[str, str] = {}
        for name, mapping in self.content.tables.items():
            place: Location = ("tables", name, "table")
            if mapping.table not in TABLES:
                raise self.refuse(
                    place,
                    expected="a table of the ledger contract",
                    found=mapping.table,
                    known=TABLES,
                    action=f"The contract has {', '.join(TABLES)}.",
                )
            if mapping.table in taken:
                raise self.refuse(
                    place,
                    expected=f"one source for {mapping.table}; {taken[mapping.table]!r} is one already",
                    found=name,
                    known=(),
                    action="Join the two in a view at the lender and map the view.",
                )
            taken[mapping.table] = name
            self._check_columns(name, mapping)

    def _check_columns(self, name: str, mapping: TableMapping) -> None:
        known = [column.name for column in TABLES[mapping.table].columns]
        taken: dict[str, str] = {}
        for theirs, ours in mapping.columns.items():
            place: Location = ("tables", name, "columns", theirs)
            if ours not in known:
                raise self.refuse(
                    place,
                    expected=f"a column of {mapping.table} in the ledger contract",
                    found=ours,
                    known=known,
                    action="Name a column of the contract, or list the lender's column under extra.",
                )
            if ours in taken:
                raise self.refuse(
                    place,
                    expected=f"one source for {mapping.table}.{ours}; {taken[ours]!r} is one already",
                    found=theirs,
                    known=(),
                    action="Remove one of the two.",
                )
            taken[ours] = theirs
        for index, theirs in enumerate(mapping.extra):
            if theirs in known or theirs in mapping.columns:
                raise self.refuse(
                    ("tables", name, "extra", index),
                    expected=f"a column beyond the contract's {mapping.table}",
                    found=theirs,
                    known=(),
                    action="Remove it from extra: it is in the contract already.",
                )


def plan_tables(source: Source, mapping: Mapping) -> list[PlannedTable]:
    """Finds each table and column of the contract in `source` and checks their types, before a row is read.

    Raises LedgerError for a name of the mapping that the source has not, a missing required table or column, and a
    column of a type that cannot stand for the contract's.
    """
    return [plan_table(contract, source, mapping) for contract in TABLES.values()]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name in `known` that `name` was most likely meant to be."""
    by_fold = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), by_fold, n=1)
    return by_fold[near[0]] if near else None


def plan_table(contract: TableContract, source: Source, mapping: Mapping) -> PlannedTable:
    """Finds one table of the contract in `source`; see `plan_tables`."""
    name, mapped, location = mapping.source_of(contract.name)
    columns = source.columns(name)
    if columns is None:
        if location:
            raise mapping.refuse(
                location,
                expected=f"a table of {source.label}",
                found=name,
                known=source.tables(),
                action="Correct the lender's name of the table.",
            )
        if contract.required:
            raise _missing_table(contract, source)
        return PlannedTable(contract, None, tuple(PlannedColumn(column, None) for column in contract.columns))
    there = {column.name: column for column in columns}
    for theirs in mapped.columns:
        if theirs not in there:
            raise _missing_name(mapping, (*location, "columns", theirs), source, name, theirs, there)
    for index, theirs in enumerate(mapped.extra):
        if theirs not in there or there[theirs].type is None:
            raise _missing_name(mapping, (*location, "extra", index), source, name, theirs, there)
    named = {ours: theirs for theirs, ours in mapped.columns.items()}
    # a column that the mapping gives another meaning is not the contract's column of the same name any more
    free = {each: column for each, column in there.items() if each not in mapped.columns}
    planned = tuple(
        PlannedColumn(column, there[named[column.name]] if column.name in named else free.get(column.name))
        for column in contract.columns
    )
    _check_columns(planned, contract, source, name, there)
    return PlannedTable(contract, name, planned, tuple(there[each] for each in mapped.extra), tuple(mapped.extra))


def _check_columns(
    planned: tuple[PlannedColumn, ...],
    contract: TableContract,
    source: Source,
    name: str,
    there: dict[str, SourceColumn],
) -> None:
    missing = [each.column.name for each in planned if each.column.required and each.source is None]
    if missing:
        hints = [f"{column} may be {near!r}" for column in missing if (near := nearest(column, there))]
        raise LedgerError(
            expected=f"the required columns {', '.join(missing)}",
            found=f"the columns {', '.join(there)}",
            where=f"{contract.name} ({name} in {source.label})",
            action=f"Give the columns, or map the lender's names to them{': ' if hints else ''}{'; '.join(hints)}.",
        )
    for each in planned:
        if each.source is not None and not fits(each.source, each.column.type):
            raise LedgerError(
                expected=expected_of(each.column.type),
                found=f"the type {each.source.declared}",
                where=f"{contract.name}.{each.column.name} ({name}.{each.source.name} in {source.label})",
                action="Convert the column at the lender, for example in a view, or map another one.",
            )


def _missing_table(contract: TableContract, source: Source) -> LedgerError:
    tables = source.tables()
    near = nearest(contract.name, tables)
    return LedgerError(
        expected=f"the required table {contract.name}",
        found=f"the tables {', '.join(tables)}" if tables else "no tables",
        where=source.label,
        action="Give the table, or map the lender's name to it"
        + (f": tables: {{{near}: {{table: {contract.name}}}}}." if near else "."),
    )


def _missing_name(
    mapping: Mapping, location: Location, source: Source, table: str, name: str, there: dict[str, SourceColumn]
) -> LedgerError:
    return mapping.refuse(
        location,
        expected=f"a column of {table} in {source.label}",
        found=name,
        known=there,
        action=f"The table has {', '.join(there)}.",
    )
