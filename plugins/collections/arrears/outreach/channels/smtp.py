"""E-mail by SMTP. A server cannot be asked whether it took a message, so a doubtful one is never sent again."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from functools import partial
from typing import Any

from arrears.outreach.channels.address import ChannelAddress
from arrears.outreach.channels.base import Message, ReceiptPage, Repeats, SendResult, Stopped, never_asked, pause
from arrears.outreach.states import State

_PARALLEL = 4
_LEADING_DOT = re.compile(rb"(?m)^\.")


class SmtpChannel:
    """A mail server.

    The connection's extra may say `tls` (`none`, `starttls` or `tls`; default `starttls` where a login is given),
    `from`, `domain` (of the Message-ID), `ca` or `ca_file` (certificates that are trusted in place of the system's,
    as PEM text or as a file) and `timeout`. `opt_out` is where a customer refuses further mails: an https URL gets the
    message's key, and is offered for one click (RFC 8058).
    """

    name = "email"
    repeats: Repeats = "neither"
    # what a crash leaves in doubt is at most one batch
    largest_batch = 8

    def __init__(self, address: ChannelAddress, *, tries: int, stop_after: int, opt_out: str) -> None:
        self._tries = tries
        self._stopped = Stopped(stop_after)
        self._opt_out = opt_out
        self._address = address
        self._from = address.text("from", "collections@lender.example")
        self._domain = address.text("domain", self._from.rpartition("@")[2])
        self._timeout = address.number("timeout", 10.0)
        self._tls = address.text("tls", "starttls" if address.login else "none")
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="arrears-email")
        self._idle: list[smtplib.SMTP] = []

    def send(self, messages: Sequence[Message]) -> list[SendResult]:
        return list(self._pool.map(self._send_one, messages))

    def ask(self, keys: Sequence[str]) -> Mapping[str, str]:
        return never_asked(self.name, keys)

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
        if self._opt_out.startswith("https://"):
            mark = "&" if "?" in self._opt_out else "?"
            mail["List-Unsubscribe"] = f"<{self._opt_out}{mark}k={message.key}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        else:
            mail["List-Unsubscribe"] = f"<{self._opt_out}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text.body)
        mail.add_alternative(message.text.html, subtype="html")
        return mail

    def _send_one(self, message: Message) -> SendResult:
        try:
            content = _LEADING_DOT.sub(b"..", self.compose(message).as_bytes())
        except (ValueError, IndexError):
            return SendResult(message.key, State.DEAD, reason="smtp.address", tries=0)
        if self._stopped:
            return SendResult(message.key, State.FAILED, reason=Stopped.REASON, tries=0)
        number = 1
        while True:
            result = replace(self._try(message.key, message.to, content), tries=number)
            # a failure is one from before the message was handed over, so it may be tried again
            if result.state != State.FAILED or number >= self._tries:
                break
            number += 1
            time.sleep(pause(number))
        self._stopped.tell(result)
        return result

    def _try(self, key: str, to: str, content: bytes) -> SendResult:
        try:
            server = self._idle_or_new()
        except (OSError, smtplib.SMTPException) as error:
            return SendResult(key, State.FAILED, reason=_code(error))
        result = self._transfer(server, key, to, content)
        if result.state == State.SENT:
            self._idle.append(server)
        else:
            _quit(server)
        return result

    def _idle_or_new(self) -> smtplib.SMTP:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _transfer(self, server: smtplib.SMTP, key: str, to: str, content: bytes) -> SendResult:
        steps: tuple[tuple[Callable[[], tuple[int, bytes]], int], ...] = (
            (partial(server.mail, self._from), 2),
            (partial(server.rcpt, to), 2),
            (partial(server.docmd, "DATA"), 3),
        )
        try:
            for step, expected in steps:
                code, _ = step()
                if code // 100 != expected:
                    return _refused(key, code)
        except (OSError, smtplib.SMTPException) as error:
            return SendResult(key, State.FAILED, reason=_code(error))
        try:
            server.send(content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"))
            code, _ = server.getreply()
        except (OSError, smtplib.SMTPException):
            # the message was handed over, the answer was lost: it may have been taken
            return SendResult(key, State.UNKNOWN, reason="smtp.no_answer")
        if code // 100 == 2:
            return SendResult(key, State.SENT, provider_id=f"<{key}@{self._domain}>")
        # an answer that is none leaves the same doubt
        return _refused(key, code) if code >= 400 else SendResult(key, State.UNKNOWN, reason="smtp.nonsense")

    def _connect(self) -> smtplib.SMTP:
        address = self._address
        context = ssl.create_default_context(cafile=address.extra.get("ca_file"), cadata=address.extra.get("ca"))
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
    return SendResult(key, state, reason=f"smtp.{code}" if code >= 400 else "smtp.nonsense")


def _code(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"smtp.{error.smtp_code}"
    return "smtp.timeout" if isinstance(error, TimeoutError) else "smtp.connection"


def _quit(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()
