"""The stack of one checkout: embedded PostgreSQL, demo lender, sandbox gateway and Airflow, as one thing to run."""
