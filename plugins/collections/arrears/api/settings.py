"""Settings of the API alone: how much one caller may ask, and how much is worked on at once."""

from __future__ import annotations

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from arrears.errors import SettingsError


class ApiSettings(BaseSettings):
    """What only the API asks for; everything else is in `arrears.settings`."""

    model_config = SettingsConfigDict(env_prefix="ARREARS_API_", frozen=True, extra="ignore")

    rate: float = Field(default=10, gt=0)
    """Requests a second that one caller may make on the long run; each worker process counts for itself."""
    burst: int = Field(default=40, ge=1)
    """Requests that one caller may make at once before `rate` binds."""
    threads: int = Field(default=8, ge=1, le=200)
    """Requests that one process works on at once, each with a database connection of its own; more wait in line."""
    wait_seconds: float = Field(default=2, gt=0)
    """How long a request waits in line before it is answered 503."""
    work_seconds: float = Field(default=10, gt=0)
    """How long one statement may take in the database."""
    body_bytes: int = Field(default=65_536, ge=1_024)
    """Largest body of a request."""

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_default(cls, value: object, info: object) -> object:
        # compose files pass unset variables on as empty strings
        if value == "":
            return cls.model_fields[info.field_name].default  # type: ignore[attr-defined]
        return value


def load_api_settings() -> ApiSettings:
    """The API's settings from the environment; SettingsError names a variable that cannot be used."""
    try:
        return ApiSettings()
    except ValidationError as invalid:
        first = invalid.errors()[0]
        raise SettingsError(
            expected=str(first["msg"]),
            found=repr(first["input"]),
            where=f"ARREARS_API_{str(first['loc'][0]).upper()}",
            action="Correct the variable; env.template lists all settings.",
        ) from None
