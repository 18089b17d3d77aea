"""Arrears: a lender's daily collections strategy, from the loan ledger to the contacts and the KPIs."""

__version__ = "0.1.0"
