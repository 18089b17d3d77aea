"""The demo: a generated commercial-vehicle lender and a sandbox gateway."""
