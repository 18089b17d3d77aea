"""Tells what a replay found as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from arrears.strategy.replay import Replay, TableReplay


def as_text(replay: Replay) -> str:
    """The whole result; its last line says whether the day was decided the same."""
    return "\n".join(_lines(replay)) + "\n"


def _lines(replay: Replay) -> Iterator[str]:
    yield (
        f"{replay.as_of} ({replay.basis}) by {replay.rule_set} version {replay.rule_set_version}, "
        f"hash {replay.rule_set_hash}, SQL models {_models(replay)}"
    )
    overrides = ", ".join(f"{name} {value}" for name, value in replay.settings.items())
    if overrides:
        yield f"settings of the day over the rules: {overrides}"
    if replay.other_code:
        yield f"made by other code: {_code(replay.made_by)}; replayed by {_code(replay.replayed_by)}"
    if replay.changed_models:
        yield f"SQL models that read otherwise today: {', '.join(replay.changed_models)}"
    if replay.changed_inputs:
        yield f"ledger tables that are not the files that the day read: {', '.join(replay.changed_inputs)}"
    if replay.failure is not None:
        yield f"the day cannot be computed from what is there now: {replay.failure}"
    if replay.tables:
        width = max(len(table.table) for table in replay.tables)
        yield f"{'':<{width}}  {'stored':>10}  {'replayed':>10}  {'equal':>10}  {'different':>10}"
        for table in replay.tables:
            yield from _table(table, width)
    yield _verdict(replay)


def _table(table: TableReplay, width: int) -> Iterator[str]:
    lacking = table.only_stored + table.only_replayed
    yield (
        f"{table.table:<{width}}  {table.stored_rows:>10,}  {table.replayed_rows:>10,}  {table.equal:>10,}  "
        f"{table.different + lacking:>10,}"
    )
    if table.unreadable:
        yield f"  the stored partition was not compared: {table.unreadable}"
    if table.as_published is False:
        yield "  the stored file is not the one that was published"
    if not table.rows_equal and not table.counts:
        yield "  a working table, which the models of today make otherwise: it counts for nothing"
    for names, side in ((table.columns_only_stored, "stored"), (table.columns_only_replayed, "replayed")):
        if names:
            yield f"  columns only in the {side} table: {', '.join(names)}"
    if lacking and not table.unreadable:
        yield f"  rows only stored: {table.only_stored:,}; only replayed: {table.only_replayed:,}"
    if table.columns:
        yield f"  rows by column: {', '.join(f'{name} {count:,}' for name, count in table.columns.items())}"
    for each in table.first:
        key = ", ".join(each.key.values())
        if each.column is None:
            yield f"  {key}: only {each.only}"
        else:
            yield f"  {key}: {each.column} stored {each.stored!s}, replayed {each.replayed!s}"


def _verdict(replay: Replay) -> str:
    if not replay.same:
        return "NOT the same"
    if all(table.rows_equal for table in replay.tables):
        return "the same: every row of every table"
    return "the same: every row of every decision"


def _models(replay: Replay) -> str:
    return "as stored with the day" if replay.code == "stored" else "as they are today"


def _code(code: dict[str, str]) -> str:
    if not code:
        return "not recorded"
    return f"arrears {code['arrears']} sources {code['sources'][:12]} on {code['engine']}"
