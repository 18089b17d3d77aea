"""Chains of models: one SELECT made of several files, each of which reads the ones before it by their names."""

from __future__ import annotations

from pathlib import Path

from sqlglot import exp

from arrears.sqlmodel import load_model


def chained(sql_root: Path, *names: str, **stands_for: str) -> exp.Query:
    """The last of the models `names`, with those before it as common tables: one statement, nothing in between stored.

    A common table has the name of its file without the folder, unless `stands_for` gives it another one: with
    `scope="strategy/overdue_scope"` later models read that one as `scope`. Raises ModelError like `load_model`.
    """
    aliases = {model: alias for alias, model in stands_for.items()}
    *steps, last = names
    whole = load_model(sql_root, last)
    own = list(whole.ctes)
    for step in steps:
        whole = whole.with_(aliases.get(step, step.rsplit("/", 1)[-1]), as_=load_model(sql_root, step))
    if steps:
        # `with_` puts new common tables behind those of the model, which read them
        whole.args["with_"].set("expressions", [*whole.ctes[len(own) :], *own])
    return whole
