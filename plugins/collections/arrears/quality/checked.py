"""What a finished check of a pulled ledger consists of; apart from the gate, whose Great Expectations loads slowly."""

from __future__ import annotations

from arrears.ledger.pull import PULLED
from arrears.quality import quarantine

AREA = "quality"
"""Manifest of a finished check: exactly these pulled tables, this quarantine, these results."""
RESULTS = "quality_result"
CHECKED = (*PULLED, quarantine.TABLE, RESULTS)
