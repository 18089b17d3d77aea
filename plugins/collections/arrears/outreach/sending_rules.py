"""How fast and how long a channel may send, as `contact.yaml` says for each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from arrears.rules.files import RuleModel


class Rate(RuleModel):
    """How fast a channel may send, all workers together; in real seconds."""

    per_second: Annotated[float, Field(gt=0, le=100_000)]
    """Messages a second, over a longer time."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)]
    """Messages that may go at once after a rest."""


class BreakerRule(RuleModel):
    """When a channel rests because its provider takes nothing."""

    failures: Annotated[int, Field(ge=1)] = 8
    """Failures in a row, all workers together, after which it rests."""
    open_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """How long it rests before one message is tried; in real seconds."""
