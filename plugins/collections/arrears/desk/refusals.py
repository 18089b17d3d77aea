"""Why the desk says no: an error that a person can act on, with a kind and the rule that it comes from."""

from __future__ import annotations

from typing import Literal

from arrears.errors import ArrearsError

Kind = Literal["not_found", "forbidden", "conflict", "invalid", "limit", "gone"]
"""not_found: no such queue, collector or case. forbidden: the caller may not. conflict: something else was done
meanwhile. invalid: the request cannot be meant. limit: a limit of the rules is reached. gone: it is over (a lease)."""


class Refusal(ArrearsError):  # noqa: N818 - what the desk says, not that it broke
    """A request that the desk does not carry out; nothing has changed.

    `rule` names what says so, for example limit.open_cases or lease.expired. Like all errors it holds no personal
    data: no id of a case or customer, and no text that a caller sent.
    """

    def __init__(self, *, kind: Kind, rule: str, expected: str, found: str, where: str, action: str) -> None:
        self.kind: Kind = kind
        self.rule = rule
        super().__init__(expected=expected, found=found, where=where, action=action)
