"""E-mail by SMTP. A server cannot be asked whether it took a message, so a doubtful one is never sent again."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any

from arrears.outreach.channels.address import ChannelAddress
from arrears.outreach.channels.base import Message, ReceiptPage, SendResult, pause
from arrears.outreach.states import State

_PARALLEL = 4
_LEADING_DOT = re.compile(rb"(?m)^\.")


class SmtpChannel:
    """A mail server.

    The connection's extra may say `tls` (`none`, `starttls` or `tls`; default `starttls` where a login is given),
    `from`, `unsubscribe` (an address or URL for List-Unsubscribe), `domain` (of the Message-ID) and `timeout`.
    """

    name = "email"
    drops_repeats = False
    # what a crash leaves in doubt is at most one batch
    largest_batch = 8

    def __init__(self, address: ChannelAddress, *, tries: int) -> None:
        self._tries = tries
        self._address = address
        self._from = address.text("from", "collections@lender.example")
        self._unsubscribe = address.text("unsubscribe", f"mailto:{self._from}?subject=unsubscribe")
        self._domain = address.text("domain", self._from.rpartition("@")[2])
        self._timeout = address.number("timeout", 10.0)
        self._tls = address.text("tls", "starttls" if address.login else "none")
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="arrears-email")
        self._idle: list[smtplib.SMTP] = []

    def send(self, messages: Sequence[Message]) -> list[SendResult]:
        return list(self._pool.map(self._send_one, messages))

    def receipts(self, cursor: str) -> ReceiptPage | None:
        del cursor
        return None

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        while self._idle:
            _quit(self._idle.pop())

    def compose(self, message: Message) -> EmailMessage:
        """The mail of a message; its Message-ID follows from the key."""
        if message.text is None:
            raise ValueError("an e-mail needs a text")
        mail = EmailMessage(policy=SMTP_POLICY)
        mail["From"] = self._from
        mail["To"] = message.to
        mail["Subject"] = message.text.subject or ""
        mail["Message-ID"] = f"<{message.key}@{self._domain}>"
        mail["List-Unsubscribe"] = f"<{self._unsubscribe}>"
        if self._unsubscribe.startswith("https://"):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text.body)
        mail.add_alternative(message.text.html, subtype="html")
        return mail

    def _send_one(self, message: Message) -> SendResult:
        try:
            content = _LEADING_DOT.sub(b"..", self.compose(message).as_bytes())
        except (ValueError, IndexError):
            return SendResult(message.key, State.DEAD, reason="smtp.address", tries=0)
        for number in range(1, self._tries + 1):
            if number > 1:
                time.sleep(pause(number))
            result = self._try(message.key, message.to, content)
            # a failure is one from before the message was handed over, so it may be tried again
            if result.state != State.FAILED:
                break
        return replace(result, tries=number)

    def _try(self, key: str, to: str, content: bytes) -> SendResult:
        try:
            server = self._idle.pop() if self._idle else self._connect()
        except (OSError, smtplib.SMTPException) as error:
            return SendResult(key, State.FAILED, reason=_code(error))
        result = self._transfer(server, key, to, content)
        if result.state in {State.SENT, State.DEAD}:
            self._idle.append(server)
        else:
            _quit(server)
        return result

    def _transfer(self, server: smtplib.SMTP, key: str, to: str, content: bytes) -> SendResult:
        try:
            code, _ = server.mail(self._from)
            if code < 400:
                code, _ = server.rcpt(to)
            if code < 400:
                code, _ = server.docmd("DATA")
            if code >= 400:
                server.rset()
                return _refused(key, code)
        except (OSError, smtplib.SMTPException) as error:
            return SendResult(key, State.FAILED, reason=_code(error))
        try:
            server.send(content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"))
            code, _ = server.getreply()
        except (OSError, smtplib.SMTPException):
            # the message was handed over, the answer was lost: it may have been taken
            return SendResult(key, State.UNKNOWN, reason="smtp.no_answer")
        if code >= 400:
            return _refused(key, code)
        return SendResult(key, State.SENT, provider_id=f"<{key}@{self._domain}>")

    def _connect(self) -> smtplib.SMTP:
        address = self._address
        context = ssl.create_default_context(cafile=address.extra.get("ca_file"))
        port = address.port or (465 if self._tls == "tls" else 25)
        server: smtplib.SMTP = (
            smtplib.SMTP_SSL(address.host, port, timeout=self._timeout, context=context)
            if self._tls == "tls"
            else smtplib.SMTP(address.host, port, timeout=self._timeout)
        )
        try:
            if self._tls == "starttls":
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if address.login:
                server.login(address.login, address.password.get_secret_value())
        except (OSError, smtplib.SMTPException):
            _quit(server)
            raise
        return server


def _refused(key: str, code: int) -> SendResult:
    state: Any = State.DEAD if code >= 500 else State.FAILED
    return SendResult(key, state, reason=f"smtp.{code}")


def _code(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"smtp.{error.smtp_code}"
    return "smtp.timeout" if isinstance(error, TimeoutError) else "smtp.connection"


def _quit(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()
