"""Typed settings from the environment (`ARREARS_…`): where things are, which ledger, which engine, which clock."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from arrears.clock import Clock, clock_from
from arrears.errors import SettingsError

PROJECT = Path(__file__).resolve().parents[3]
"""The checkout: the library is installed in place, so the rules and the SQL are found beside it."""


class Materiality(BaseModel):
    """How much of an instalment may be unpaid for it still to count as met.

    Both parts hold at once: what is unpaid must be at most the larger of `share` of the instalment and `amount`.
    """

    model_config = ConfigDict(frozen=True)

    share: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal(0)
    amount: Annotated[Decimal, Field(ge=0, decimal_places=2)] = Decimal(0)

    @classmethod
    def parse(cls, text: str) -> Materiality:
        """From `10%`, `5.00` or both, `10%,5.00`. ValueError for anything else."""
        values: dict[str, Decimal] = {}
        for part in (piece.strip() for piece in text.split(",")):
            name, number = ("share", part[:-1]) if part.endswith("%") else ("amount", part)
            try:
                value = Decimal(number.strip())
            except InvalidOperation:
                raise ValueError(f"{part!r} is neither a share (10%) nor an amount (5.00)") from None
            if name in values:
                raise ValueError(f"{text!r} gives the {name} twice")
            values[name] = value / 100 if name == "share" else value
        if not 0 <= values.get("share", 0) < 1:
            raise ValueError(f"the share in {text!r} is not below 100%")
        return cls(**values)


class Settings(BaseSettings):
    """All settings of one process. Frozen: parsed once, then passed on."""

    model_config = SettingsConfigDict(env_prefix="ARREARS_", frozen=True, extra="ignore")

    home: Path = PROJECT / ".arrears"
    """Where this checkout keeps its state: lake, reports, embedded database, Airflow's home."""
    lake: Path | None = None
    """Root of the lake; default `<home>/lake`."""
    reports: Path | None = None
    """Where reports and quality documents are written; default `<home>/reports`."""
    rules: Path = PROJECT / "include" / "rules"
    """Folder of the rule files."""
    sql: Path = PROJECT / "include" / "sql"
    """Folder of the SQL models."""
    time_zone: str = "Asia/Shanghai"
    """IANA name of the lender's time zone."""
    clock: datetime | None = None
    """Fixes the clock of acting, `2026-11-20T09:30:00` in the lender's time zone; default the machine's clock."""

    ledger: SecretStr | None = None
    """The lender's ledger: a folder, or a SQLAlchemy URL (which may hold a password)."""
    ledger_mapping: Path | None = None
    """YAML file that maps the lender's names to the contract's."""
    collectors: Path | None = None
    """CSV or Parquet file of collectors, for a ledger that has none."""

    warehouse_url: SecretStr | None = None
    """PostgreSQL of `ops`, `mart` and `audit`; default the embedded one under `home`."""
    engine: Literal["duckdb", "spark"] = "duckdb"
    """Compute engine of the models that are as big as the ledger."""
    duckdb_memory: str = "3GB"
    """Memory that DuckDB may use before it spills to disk."""
    duckdb_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Threads of DuckDB; default one per core."""
    spark_master: str = "local[*]"
    """Spark's master: `local[*]`, `spark://host:7077`, or `sc://host` for a remote session."""

    materiality: str | None = None
    """Overrides the rule set's materiality: `10%`, `5.00` or `10%,5.00`."""
    grace_days: int | None = Field(default=None, ge=0)
    """Overrides the rule set's grace."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is not an IANA time zone") from None
        return value

    @field_validator("materiality")
    @classmethod
    def _readable_materiality(cls, value: str | None) -> str | None:
        if value:
            Materiality.parse(value)
        return value or None

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, values: Any) -> Any:
        # make and compose files pass unset variables on as empty strings
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values

    @property
    def zone(self) -> ZoneInfo:
        """The lender's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def lake_root(self) -> Path:
        """Root folder of the lake."""
        return self.lake or self.home / "lake"

    @property
    def reports_root(self) -> Path:
        """Root folder of reports and quality documents."""
        return self.reports or self.home / "reports"

    def acting_clock(self) -> Clock:
        """The clock of acting that these settings ask for."""
        return clock_from(self.clock, self.zone)


def load_settings(values: Mapping[str, Any] | None = None) -> Settings:
    """Settings from the environment, with `values` over them.

    Raises SettingsError that names the variable, what it held and what is wrong with it.
    """
    try:
        return Settings(**(values or {}))
    except ValidationError as invalid:
        first = invalid.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise SettingsError(
            expected=str(first["msg"]),
            found="a secret" if name in {"ledger", "warehouse_url"} else repr(first["input"]),
            where=f"ARREARS_{name.upper()}",
            action="Correct the variable; env.template lists all settings.",
        ) from None
