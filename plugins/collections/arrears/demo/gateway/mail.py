"""The gateway over SMTP: takes mail behind STARTTLS and a login, keeps it under its Message-ID, misbehaves as told."""

from __future__ import annotations

import asyncio
import hmac
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from arrears.demo.gateway.faults import Mode
from arrears.demo.gateway.identity import Identity
from arrears.demo.gateway.providers import Providers
from arrears.demo.gateway.store import EMAIL

_AT_MAIL: frozenset[Mode] = frozenset({"429", "500", "refuse"})
_AT_DATA: frozenset[Mode] = frozenset({"slow", "hang", "nonsense", "drop_after_accept", "lose"})
_NONSENSE = "250-It works!\r\n<html>"


class MailHandler:
    """aiosmtpd's hooks; their names are its."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del session
        fault = self._providers.strike(EMAIL, _AT_MAIL)
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
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = message_from_bytes(content, policy=policy.default)
        key = str(mail["Message-ID"] or "").strip("<> ").partition("@")[0]
        fault = self._providers.strike(EMAIL, _AT_DATA, key)
        mode = fault.mode if fault else "ok"
        if fault is not None and mode in {"slow", "hang"}:
            await asyncio.sleep(fault.seconds)
        if mode == "hang":
            _hang_up(server)
            return "421 4.3.2 gone"
        to = ",".join(envelope.rcpt_tos)
        text = content.decode("utf-8", "replace")
        self._providers.take(EMAIL, key, to, text, lose=mode == "lose", said=_said(mail))
        if mode == "drop_after_accept":
            _hang_up(server)
        return _NONSENSE if mode == "nonsense" else "250 OK"


def tls_of(identity: Identity) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.server)
    return context


def mail_server(providers: Providers, token: str, tls: ssl.SSLContext) -> SMTP:
    """The protocol of one connection: STARTTLS, then a login whose password is the gateway's token, then mail."""

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        del server, session, envelope
        right = (
            mechanism in {"LOGIN", "PLAIN"}
            and isinstance(data, LoginPassword)
            and hmac.compare_digest(data.password, token.encode())
        )
        return AuthResult(success=right, handled=right)

    return SMTP(
        MailHandler(providers),
        hostname="gateway.localhost",
        ident="sandbox gateway",
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=True,
        tls_context=tls,
        loop=asyncio.get_running_loop(),
    )


def _said(mail: EmailMessage) -> str:
    """What a reader sees: the same mail under another Message-ID says the same."""
    plain = mail.get_body(("plain",))
    return f"{mail['Subject']}\n{plain.get_content() if plain else ''}"


def _hang_up(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
