"""Where a channel's provider is, and the secret to use it: the parts of an Airflow connection."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_validator
from pydantic import Field as _Field

from arrears.errors import ChannelError

_NO_SECRET = SecretStr("")


class ChannelAddress(BaseModel):
    """An Airflow connection, part by part."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    conn_type: str
    host: str
    port: int | None = None
    login: str | None = None
    password: SecretStr = _NO_SECRET
    protocol: str | None = _Field(default=None, alias="schema")
    """Airflow's `schema` field: for HTTP the protocol."""
    extra: Mapping[str, Any] = {}

    @field_validator("password", mode="before")
    @classmethod
    def _absent_is_empty(cls, value: Any) -> Any:
        return value or ""

    @field_validator("extra", mode="before")
    @classmethod
    def _extra_as_mapping(cls, value: Any) -> Any:
        # Airflow keeps the extra as JSON text, its JSON form of a connection may nest it
        return json.loads(value) if isinstance(value, str) and value.strip() else value or {}

    def text(self, name: str, default: str) -> str:
        """The extra `name` as text."""
        return str(self.extra.get(name, default))

    def number(self, name: str, default: float) -> float:
        """The extra `name` as a number."""
        return float(self.extra.get(name, default))


AddressResolver = Callable[[str], ChannelAddress]
"""Gives the address of a channel by its name; ChannelError that says what to set when there is none."""


def connection_variable(channel: str) -> str:
    """The environment variable in which Airflow, and this library, look for the channel's connection."""
    return f"AIRFLOW_CONN_ARREARS_{channel.upper()}"


def address_from_environment(channel: str) -> ChannelAddress:
    """The address of `channel` from `AIRFLOW_CONN_ARREARS_<CHANNEL>`, in Airflow's JSON or URI form.

    Raises ChannelError when the variable is not set or cannot be read; its value is never shown.
    """
    name = connection_variable(channel)
    value = os.environ.get(name, "").strip()
    if not value:
        raise ChannelError(
            expected=f"an Airflow connection for the channel {channel}",
            found="none",
            where=name,
            action=f"Set the variable, or add the connection arrears_{channel} in Airflow.",
        )
    return parse_address(channel, value)


def parse_address(channel: str, value: str) -> ChannelAddress:
    """A connection in Airflow's JSON or URI form; ChannelError that does not show it when it is neither."""
    try:
        parts = json.loads(value) if value.startswith("{") else _from_uri(value)
        return ChannelAddress.model_validate(parts)
    except (ValueError, ValidationError):
        raise ChannelError(
            expected='a connection as JSON ({"conn_type": …, "host": …}) or as URI (http://:token@host:port/)',
            found="something else",
            where=connection_variable(channel),
            action="Correct the connection.",
        ) from None


def _from_uri(value: str) -> dict[str, Any]:
    split = urlsplit(value)
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    extra: Any = json.loads(query["__extra__"]) if "__extra__" in query else query
    return {
        "conn_type": split.scheme.replace("-", "_"),
        "host": unquote(split.hostname or ""),
        "port": split.port,
        "login": unquote(split.username) if split.username else None,
        "password": unquote(split.password) if split.password else "",
        "schema": unquote(split.path.strip("/")) or None,
        "extra": extra,
    }
