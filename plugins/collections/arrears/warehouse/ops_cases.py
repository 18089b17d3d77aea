"""Tables of cases and their assignments (schema ops)."""
