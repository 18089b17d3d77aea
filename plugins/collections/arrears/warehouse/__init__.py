"""The warehouse: PostgreSQL schemas `ops`, `mart` and `audit`, their migrations and bulk loads."""
