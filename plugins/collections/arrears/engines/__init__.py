"""Engines: run one SELECT over lake tables into one Parquet partition."""

from arrears.engines.base import Engine, open_engine

__all__ = ["Engine", "open_engine"]
