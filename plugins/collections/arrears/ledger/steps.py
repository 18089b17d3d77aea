"""The steps of `ledger_daily`: pull the lender's ledger, judge it, publish it."""

from __future__ import annotations

from arrears.ledger.publish import publish_ledger
from arrears.ledger.pull import pull_ledger
from arrears.quality.gate import check_quality

__all__ = ["check_quality", "publish_ledger", "pull_ledger"]
