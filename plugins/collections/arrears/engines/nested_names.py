"""Names of common tables inside common tables, made unlike all others: for engines that have them on one level only."""

from __future__ import annotations

from sqlglot import exp


def with_unlike_names(select: exp.Query) -> exp.Query:
    """`select` with each common table that is declared inside another one named after both.

    sqlglot moves nested common tables to the top for engines like Spark, where two of one name then collide.
    """
    whole = select.copy()
    for cte in list(whole.ctes):
        _rename_inside(cte)
    return whole


def _rename_inside(outer: exp.CTE) -> None:
    query = outer.this
    inner = list(query.ctes)
    for place, cte in enumerate(inner):
        old, new = cte.alias, f"{outer.alias}__{cte.alias}"
        # it is known to those after it and to the query itself, not to those before it and not inside itself
        unaware = {id(other) for other in inner[: place + 1]}
        for table in list(query.find_all(exp.Table)):
            if table.name == old and not table.db and not _is_below(table, unaware, query):
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(old)))
                table.set("this", exp.to_identifier(new))
        cte.args["alias"].set("this", exp.to_identifier(new))
        _rename_inside(cte)


def _is_below(node: exp.Expr, ancestors: set[int], top: exp.Expr) -> bool:
    parent = node.parent
    while parent is not None and parent is not top:
        if id(parent) in ancestors:
            return True
        parent = parent.parent
    return False
