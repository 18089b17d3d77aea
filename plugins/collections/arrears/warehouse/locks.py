"""Keys of the advisory locks of PostgreSQL, in one place, so that no two things wait for each other by accident.

Locks of one key and locks of two keys do not meet: PostgreSQL keeps them apart.
"""

from __future__ import annotations

MIGRATION = 4_711_001
"""One migration at a time."""
CASES = 4_711_002
"""open_grab_pool applies a day under it; whoever else changes cases takes it shared, and so waits for that."""
CONTACT_PLAN = 4_711_003
"""With the day as second key: one merge of a day's contact plan at a time."""
MART = 4_711_004
"""One load of `mart` at a time."""
CUSTOMERS = 4_711_005
"""With a number of the customer as second key: one decision on a customer's contacts at a time."""
