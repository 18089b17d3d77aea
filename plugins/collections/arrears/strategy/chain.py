"""Chains of models: one SELECT made of several files, each of which reads the ones before it by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlglot import exp

from arrears.sqlmodel import load_model


def chained(sql_root: Path, *models: str, names: Mapping[str, str] | None = None) -> exp.Query:
    """The last of `models`, with those before it as common tables: one statement, nothing in between is stored.

    A common table has the name of its model's file, or the one that `names` gives it. Raises ModelError like
    `load_model`.
    """
    *steps, last = models
    whole = load_model(sql_root, last)
    own = list(whole.ctes)
    for step in steps:
        name = (names or {}).get(step, step.rsplit("/", 1)[-1])
        whole = whole.with_(name, as_=load_model(sql_root, step))
    if steps:
        # `with_` puts new common tables behind those of the model, which read them
        whole.args["with_"].set("expressions", [*whole.ctes[len(own) :], *own])
    return whole
