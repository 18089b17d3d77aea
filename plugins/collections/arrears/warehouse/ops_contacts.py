"""Tables of contact tasks and attempts (schema ops)."""
