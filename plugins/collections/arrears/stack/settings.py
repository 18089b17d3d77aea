"""Settings of the stack alone: ports, the size of the demo, how long things may take."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import ArgumentError

from arrears.errors import SettingsError
from arrears.settings import Settings, load_settings

_MORNING = "T09:30:00"


class StackSettings(BaseSettings):
    """What only the stack asks for; everything else is in `arrears.settings`."""

    model_config = SettingsConfigDict(env_prefix="ARREARS_", frozen=True, extra="ignore")

    as_of: date | None = None
    """The business day to run; default today in the lender's zone."""
    ui_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of Airflow's API server and UI; default a free one, kept."""
    postgres_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the embedded PostgreSQL; default a free one, kept."""
    gateway_http_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the sandbox gateway's HTTP server; default a free one, kept."""
    gateway_smtp_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the sandbox gateway's SMTP server; default a free one, kept."""
    gateway_sftp_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the sandbox gateway's SFTP server; default a free one, kept."""
    webhooks: bool = False
    """Whether the sandbox gateway sends its receipts by webhook as well, to an API that is started for it."""
    webhook_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of that API; default a free one, kept."""
    demo_contracts: int | None = Field(default=None, ge=1)
    """Size of the generated lender; default that of the demo."""
    demo_seed: int | None = Field(default=None, ge=0)
    """Seed of the generated lender; default that of the demo."""
    start_seconds: int = Field(default=180, ge=1)
    """How long a service may take to answer after it was started."""
    day_seconds: int = Field(default=3600, ge=1)
    """How long the day may take."""

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_default(cls, value: object, info: object) -> object:
        # make passes unset variables on as empty strings
        if value == "":
            return cls.model_fields[info.field_name].default  # type: ignore[attr-defined]
        return value


def load_stack_settings(**values: object) -> StackSettings:
    """The stack's settings from the environment, with `values` that are not None over them."""
    try:
        return StackSettings(**{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as invalid:
        first = invalid.errors()[0]
        raise SettingsError(
            expected=str(first["msg"]),
            found=repr(first["input"]),
            where=f"ARREARS_{str(first['loc'][0]).upper()}",
            action="Correct the variable; env.template lists all settings.",
        ) from None


def library_settings(stack: StackSettings, *, fixed_clock: bool) -> Settings:
    """The library's settings for this stack.

    A lender's own ledger gets a home of its own below the checkout's: its lake, warehouse and runs never mix with
    the demo's. `fixed_clock` sets the clock of acting to 09:30 of the business day, unless one is set already.
    """
    settings = load_settings()
    values: dict[str, object] = {"home": settings.home.resolve()}
    if settings.ledger is not None:
        ledger = _absolute(settings.ledger.get_secret_value())
        values |= {"ledger": ledger, "home": settings.home.resolve() / "ledgers" / _folder_name(ledger)}
    if fixed_clock and settings.clock is None:
        as_of = stack.as_of or settings.acting_clock().today()
        values["clock"] = f"{as_of.isoformat()}{_MORNING}"
    return load_settings(values)


def _absolute(ledger: str) -> str:
    # the Airflow processes may have another working folder
    return ledger if "://" in ledger else str(Path(ledger).expanduser().resolve())


def _folder_name(ledger: str) -> str:
    try:
        location = sa.make_url(ledger).render_as_string(hide_password=True) if "://" in ledger else ledger
    except ArgumentError:
        location = ledger
    name = location.rstrip("/").rpartition("/")[2]
    readable = "".join(letter if letter.isalnum() else "-" for letter in name)[:24]
    return f"{readable}-{hashlib.sha256(location.encode()).hexdigest()[:8]}"
