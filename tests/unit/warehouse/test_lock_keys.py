"""Two things that have nothing to do with each other must not wait for one another's advisory lock."""

from __future__ import annotations

import ast

from arrears.settings import PROJECT
from arrears.warehouse import locks

LIBRARY = PROJECT / "plugins" / "collections" / "arrears"


def test_every_lock_has_a_key_of_its_own() -> None:
    keys = {name: value for name, value in vars(locks).items() if name.isupper()}
    assert len(keys) > 1
    assert len(set(keys.values())) == len(keys)


def test_keys_are_nowhere_else() -> None:
    elsewhere = [
        path.name
        for path in LIBRARY.rglob("*.py")
        if path != LIBRARY / "warehouse" / "locks.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and 4_711_000 <= node.value < 4_712_000
    ]
    assert elsewhere == []
