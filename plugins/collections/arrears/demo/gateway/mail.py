"""The gateway over SMTP: takes mail, keeps it under its Message-ID, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import hmac
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from arrears.demo.gateway.faults import Faults
from arrears.demo.gateway.store import EMAIL, Store


class MailHandler:
    """aiosmtpd's hooks; their names are its."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del session
        fault = self._faults.strike(EMAIL, ("429", "500", "refuse"))
        if fault is not None:
            if fault.mode == "429":
                return "450 4.7.1 slow down"
            if fault.mode == "500":
                return "451 4.3.0 broken"
            _hang_up(server)
            return "421 4.3.2 gone"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        del session
        fault = self._faults.strike(EMAIL, ("slow", "drop_after_accept"))
        if fault is not None and fault.mode == "slow":
            await asyncio.sleep(fault.seconds)
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = message_from_bytes(content, policy=policy.default)
        key = str(mail["Message-ID"] or "").strip("<> ").partition("@")[0]
        self._store.take(EMAIL, key, ",".join(envelope.rcpt_tos), content.decode("utf-8", "replace"))
        if fault is not None and fault.mode == "drop_after_accept":
            _hang_up(server)
        return "250 OK"


def mail_server(store: Store, faults: Faults, token: str) -> SMTP:
    """The protocol of one connection; a login is optional, its password is the gateway's token."""

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        del server, session, envelope
        right = (
            mechanism in {"LOGIN", "PLAIN"}
            and isinstance(data, LoginPassword)
            and hmac.compare_digest(data.password, token.encode())
        )
        return AuthResult(success=right, handled=right)

    return SMTP(
        MailHandler(store, faults),
        hostname="gateway.localhost",
        ident="sandbox gateway",
        authenticator=authenticate,
        auth_require_tls=False,
        loop=asyncio.get_running_loop(),
    )


def _hang_up(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
