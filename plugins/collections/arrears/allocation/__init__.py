"""Allocation: who gets which case, and what goes to the grab pool."""
