"""Sends letters to an SMTP server."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final

from tokenmill.conversation.parts import Value
from tokenmill.ports import Undeliverable

TIMEOUT: Final = 20.0
"""Seconds for each step of the conversation with the server."""
_TLS_AT_ONCE: Final = 465


class SmtpServer(Value, frozen=True, kw_only=True):
    """Where letters are handed in; port 465 speaks TLS from the first byte on."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    starttls: bool = True


class SmtpMailer:
    """See `tokenmill.ports.Mailer`."""

    def __init__(self, server: SmtpServer, tls: ssl.SSLContext | None = None) -> None:
        """`tls` None trusts whom the system trusts."""
        self._server = server
        self._tls = tls or ssl.create_default_context()

    async def send(self, to: str, subject: str, text: str, *, message_id: str) -> None:
        """See `tokenmill.ports.Mailer.send`."""
        message = self._message(to, subject, text, message_id)
        # A thread that outlives its time-out ends by those of its socket.
        await asyncio.to_thread(self._hand_in, to, message)

    def _message(self, to: str, subject: str, text: str, message_id: str) -> EmailMessage:
        domain = parseaddr(self._server.sender)[1].rpartition("@")[2]
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{message_id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte="base64")
        return message

    def _hand_in(self, to: str, message: EmailMessage) -> None:
        try:
            with self._connected() as server:
                if self._server.user:
                    server.login(self._server.user, self._server.password)
                server.send_message(message, to_addrs=[to])
        except smtplib.SMTPRecipientsRefused as refused:
            (code, _), *_ = refused.recipients.values()
            raise Undeliverable(f"the mail server refused the address ({code})", final=code >= 500) from None
        except smtplib.SMTPResponseException as refused:  # Its text may repeat what was sent.
            raise Undeliverable(f"the mail server refused ({refused.smtp_code})") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Undeliverable(f"the mail server cannot be used ({type(error).__name__})") from None

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.port == _TLS_AT_ONCE:
            return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=self._tls)
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
        try:
            if server.starttls:
                smtp.starttls(context=self._tls)
        except BaseException:
            smtp.close()
            raise
        return smtp
