"""A ledger as files: `<table>.parquet` or `<table>.csv` in one folder."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from arrears.errors import LedgerError
from arrears.ledger.sources.base import SourceColumn

_SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class FolderSource:
    """Parquet files (or folders of them) and CSV files (UTF-8, comma, one header line, ISO dates) by table name."""

    label: str
    files: Mapping[str, Path]
    readers: int = 1

    @classmethod
    def of(cls, folder: Path) -> FolderSource:
        """The tables in `folder`; LedgerError when one is there in two forms."""
        files: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix not in _SUFFIXES or path.name.startswith("."):
                continue
            if path.stem in files:
                raise LedgerError(
                    expected=f"one file for {path.stem}",
                    found=f"{files[path.stem].name} and {path.name}",
                    where=str(folder),
                    action="Remove the one that is out of date.",
                )
            files[path.stem] = path
        return cls(str(folder), files)

    def tables(self) -> Sequence[str]:
        """The names of the files without their endings."""
        return tuple(self.files)

    def columns(self, table: str) -> Sequence[SourceColumn] | None:
        """The columns of a file, from the Parquet schema or the CSV header; None when there is no file."""
        path = self.files.get(table)
        if path is None:
            return None
        if path.suffix == ".csv":
            return [SourceColumn(name, pa.string(), "text", as_text=True) for name in _csv_header(path)]
        try:
            schema = pq.read_schema(_parquet_files(path)[0])
        except (pa.ArrowInvalid, OSError):
            raise _unreadable(path, "a Parquet file", "something else") from None
        return [SourceColumn(field.name, field.type, str(field.type)) for field in schema]

    @contextmanager
    def attach(
        self, connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[SourceColumn], relation: str
    ) -> Iterator[None]:
        """A view on the file, called `relation`."""
        path = self.files[table]
        try:
            if path.suffix == ".csv":
                _view_csv(connection, path, relation)
            else:
                files = [str(each) for each in _parquet_files(path)]
                connection.read_parquet(files, union_by_name=True).create_view(relation, replace=True)
            yield
        except duckdb.InvalidInputException as error:
            problem = _csv_problem(path, str(error))
            if problem is None:
                raise
            raise problem from None

    def place(self, table: str, wrong: exp.Expr) -> str | None:
        """The file, and for CSV the line, of the first row for which `wrong` holds."""
        path = self.files[table]
        if path.suffix != ".csv":
            return str(path)
        # one thread in the file's order: only then do numbered rows stand for lines
        with duckdb.connect(config={"threads": 1, "preserve_insertion_order": True}) as connection:
            _view_csv(connection, path, "csv_rows")
            numbered = exp.select(exp.Star(), exp.alias_(exp.Window(this=exp.RowNumber()), "arrears_row"))
            first = (
                exp.select(exp.func("min", exp.column("arrears_row")))
                .from_(numbered.from_("csv_rows").subquery("numbered"))
                .where(wrong)
            )
            found = connection.execute(first.sql(dialect="duckdb")).fetchall()[0][0]
        return str(path) if found is None else f"{path}:{_line_of(path, found)}"

    def close(self) -> None:
        """Nothing is held open."""


def _parquet_files(path: Path) -> list[Path]:
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise _unreadable(path, "Parquet files in the folder", "none")
    return files


def _csv_header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except UnicodeDecodeError:
        raise _unreadable(path, "text in UTF-8", "another encoding") from None
    if not header:
        raise _unreadable(path, "a header line with the columns' names", "an empty file")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise _unreadable(path, "each column once", f"{', '.join(twice)} twice")
    return header


def _view_csv(connection: duckdb.DuckDBPyConnection, path: Path, relation: str) -> None:
    # nothing is guessed: a file that DuckDB samples may look different further down
    options: dict[str, exp.Expr] = {
        "auto_detect": exp.false(),
        "header": exp.true(),
        "delim": exp.Literal.string(","),
        "quote": exp.Literal.string('"'),
        "escape": exp.Literal.string('"'),
        "nullstr": exp.Literal.string(""),
        "columns": exp.Struct(
            expressions=[
                exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=exp.Literal.string("VARCHAR"))
                for name in _csv_header(path)
            ]
        ),
    }
    named = [exp.EQ(this=exp.column(name), expression=value) for name, value in options.items()]
    rows = exp.Anonymous(this="read_csv", expressions=[exp.Literal.string(str(path)), *named])
    select = exp.select(exp.Star()).from_(exp.Table(this=rows))
    view = exp.Create(this=exp.to_table(relation), kind="VIEW", expression=select, replace=True)
    connection.execute(view.sql(dialect="duckdb"))


def _csv_problem(path: Path, message: str) -> LedgerError | None:
    # DuckDB's message quotes the line itself, which may hold names and addresses: only its number goes on
    _, mark, rest = message.partition("CSV Error on Line: ")
    if path.suffix != ".csv" or not mark:
        return None
    line = rest.split(maxsplit=1)[0]
    counts = next((part for part in rest.splitlines() if part.startswith("Expected Number of Columns")), "")
    return LedgerError(
        expected="one value for each column of the header",
        found=counts.strip() or "a line that cannot be read",
        where=f"{path}:{line}",
        action="Correct the line; values with a comma, a quote or a line break stand in double quotes.",
    )


def _line_of(path: Path, row: int) -> int:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        seen = 0
        for record in reader:
            seen += bool(record)
            if seen == row:
                break
        return reader.line_num


def _unreadable(path: Path, expected: str, found: str) -> LedgerError:
    return LedgerError(expected=expected, found=found, where=str(path), action="Write the file again.")
