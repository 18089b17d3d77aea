"""The same decision tables as a graph of the GoRules zen engine (JDM), made from the same table objects.

Each table is a decision table node that passes its input through, so that later ones read what earlier ones made, as
in Arrears. A condition that only joins tests of single words becomes one cell per word, the way zen's editor writes
tables; any other becomes one cell with a whole expression. SQL's NULL rules are written out: a comparison with an
unknown value does not match.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlglot import exp

from arrears.rules.conditions import parse_condition
from arrears.rules.decision_table import DecisionTable, Value
from arrears.rules.vocabulary import Vocabulary

_COMPARISONS = {exp.EQ: "==", exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
_ORDERED = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NEQ)


def zen_graph(tables: Sequence[DecisionTable], vocabulary: Vocabulary) -> str:
    """The graph as JSON: input, one node per table (two for one whose rules add up), output."""
    nodes: list[dict[str, Any]] = [_node("in", "inputNode", {})]
    for table in tables:
        nodes.append(_table_node(table, vocabulary))
        if table.hit == "collect":
            nodes.append(_collected_node(table))
        vocabulary = vocabulary.extended(table.words())
    nodes.append(_output_node(tables))
    edges = [
        {"id": f"e{number}", "type": "edge", "sourceId": one["id"], "targetId": other["id"]}
        for number, (one, other) in enumerate(pairwise(nodes))
    ]
    return json.dumps({"nodes": nodes, "edges": edges})


def _node(name: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "name": name, "type": kind, "position": {"x": 0, "y": 0}, "content": content}


def _table_node(table: DecisionTable, vocabulary: Vocabulary) -> dict[str, Any]:
    cells = [_cells(parse_condition(rule.when, vocabulary), vocabulary) for rule in table.rules]
    fields = sorted({field for each in cells for field in each})
    names = [*table.outputs, "rule"]
    prefix = table.name if table.hit == "collect" else ""
    rows = [
        {
            "_id": rule.id,
            **{f"i_{field}": tests.get(field, "") for field in fields},
            **{f"o_{name}": _literal(rule.then[name]) for name in table.outputs},
            "o_rule": _literal(rule.id),
        }
        for rule, tests in zip(table.rules, cells, strict=True)
    ]
    if table.hit == "first" and table.default is not None:
        rows.append(
            {
                "_id": "default",
                **{f"i_{field}": "" for field in fields},
                **{f"o_{name}": _literal(table.default[name]) for name in table.outputs},
                "o_rule": _literal("default"),
            }
        )
    content = {
        "hitPolicy": table.hit,
        "rules": rows,
        "inputs": [
            {"id": f"i_{field}", "name": field or "condition", **({"field": field} if field else {})}
            for field in fields
        ],
        "outputs": [
            {"id": f"o_{name}", "name": name, "field": table.rule_column if not prefix and name == "rule" else name}
            for name in names
        ],
        "passThrough": True,
        "inputField": None,
        "outputPath": f"{prefix}_matches" if prefix else None,
        "executionMode": "single",
    }
    return _node(table.name, "decisionTableNode", content)


def _collected_node(table: DecisionTable) -> dict[str, Any]:
    found = f"{table.name}_matches"
    expressions = []
    for name in table.outputs:
        total = f"sum(map({found} ?? [], #.{name})) + {_literal((table.default or {})[name])}"
        if table.floor is not None:
            total = f"max([{total}, {table.floor}])"
        if table.cap is not None:
            total = f"min([{total}, {table.cap}])"
        expressions.append({"id": name, "key": name, "value": total})
    # a list, where Arrears joins the ids with commas
    ids = f"map({found} ?? [], #.rule)"
    expressions.append({"id": table.rule_column, "key": table.rule_column, "value": ids})
    content = {"expressions": expressions, "passThrough": True, "executionMode": "single"}
    return _node(f"{table.name}_total", "expressionNode", content)


def _output_node(tables: Sequence[DecisionTable]) -> dict[str, Any]:
    names = [name for table in tables for name in (*table.outputs, table.rule_column)]
    expressions = [{"id": name, "key": name, "value": name} for name in names]
    return _node("decision", "expressionNode", {"expressions": expressions, "passThrough": False})


def _cells(condition: exp.Expr, vocabulary: Vocabulary) -> dict[str, str]:
    """Cell per field; "" is the field of a whole expression."""
    found: dict[str, list[str]] = {}
    for part in _conjuncts(condition):
        names = {column.name for column in part.find_all(exp.Column)}
        if len(names) == 1:
            unary = _unary(part, next(iter(names)), vocabulary)
            if unary is not None:
                found.setdefault(next(iter(names)), []).append(unary)
                continue
        found.setdefault("", []).append(f"({_expression(part, vocabulary)})")
    return {field: " and ".join(tests) for field, tests in found.items()}


def _conjuncts(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Paren):
        return _conjuncts(node.this)
    return [*_conjuncts(node.left), *_conjuncts(node.right)] if isinstance(node, exp.And) else [node]


def _unary(node: exp.Expr, field: str, vocabulary: Vocabulary) -> str | None:
    if vocabulary.words[field].nullable and isinstance(node, _ORDERED):
        return None
    if isinstance(node, exp.Column):
        return "true"
    if isinstance(node, exp.Not) and isinstance(node.this, exp.Column):
        return "false"
    if isinstance(node, exp.EQ) and isinstance(node.right, exp.Literal):
        return _sql_literal(node.right)
    if type(node) in _COMPARISONS and isinstance(node.right, exp.Literal):
        return f"{_COMPARISONS[type(node)]} {_sql_literal(node.right)}"
    if isinstance(node, exp.In):
        return ", ".join(_sql_literal(each) for each in node.expressions)
    return None


def _expression(node: exp.Expr, vocabulary: Vocabulary) -> str:
    if isinstance(node, exp.Paren):
        return f"({_expression(node.this, vocabulary)})"
    if isinstance(node, exp.And | exp.Or):
        word = "and" if isinstance(node, exp.And) else "or"
        return f"{_expression(node.left, vocabulary)} {word} {_expression(node.right, vocabulary)}"
    if isinstance(node, exp.Column):
        return f"{node.name} == true"
    if isinstance(node, exp.Not) and isinstance(node.this, exp.Column):
        return f"{node.this.name} == false"
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return f"{node.this.name} == null"
    if type(node) in _COMPARISONS:
        test = f"{node.left.name} {_COMPARISONS[type(node)]} {_sql_literal(node.right)}"
        return _known(node.left.name, vocabulary, test) if isinstance(node, _ORDERED) else test
    if isinstance(node, exp.Between):
        low, high = _sql_literal(node.args["low"]), _sql_literal(node.args["high"])
        return _known(node.this.name, vocabulary, f"{node.this.name} >= {low} and {node.this.name} <= {high}")
    if isinstance(node, exp.In):
        return f"{node.this.name} in [{', '.join(_sql_literal(each) for each in node.expressions)}]"
    raise NotImplementedError(f"no zen expression for {node.sql(dialect='duckdb')}")


def _known(name: str, vocabulary: Vocabulary, test: str) -> str:
    return f"({name} != null and {test})" if vocabulary.words[name].nullable else test


def _sql_literal(node: exp.Expr) -> str:
    if isinstance(node, exp.Literal) and node.is_string:
        return json.dumps(node.name)
    return node.sql(dialect="duckdb")


def _literal(value: Value) -> str:
    return json.dumps(value) if isinstance(value, str | bool | int) else str(value)
