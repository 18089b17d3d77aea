"""Addresses of channels from Airflow's connections `arrears_<channel>`."""

from __future__ import annotations

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from arrears.errors import ChannelError
from arrears.outreach.channels.address import ChannelAddress


def address_from_connection(channel: str) -> ChannelAddress:
    """The address of `channel` from Airflow: a connection of the UI, a secrets backend or the environment.

    Raises ChannelError that names the connection when there is none.
    """
    name = f"arrears_{channel}"
    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        raise ChannelError(
            expected=f"an Airflow connection for the channel {channel}",
            found="none",
            where=name,
            action="Add the connection in Airflow under Admin, Connections.",
        ) from None
    return ChannelAddress.model_validate(
        {
            "conn_type": connection.conn_type,
            "host": connection.host or "",
            "port": connection.port,
            "login": connection.login,
            "password": connection.password,
            "schema": connection.schema,
            "extra": connection.extra,
        }
    )
