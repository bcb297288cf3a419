"""How a mail leaves: through a mail server over checked TLS, or in development as a file. What it says, and when it is sent, is decided elsewhere."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Protocol

from webapp.environment import Smtp

SECONDS = 20.0
"""For each step of a conversation with a mail server."""


class NotSent(Exception):
    """The mail did not leave, in a sentence. `for_good`: the server refuses this recipient, and would again."""

    def __init__(self, sentence: str, *, for_good: bool = False) -> None:
        super().__init__(sentence)
        self.for_good = for_good


@dataclass(frozen=True)
class Mail:
    """One mail to one person. `number` is its own: a mail that is sent twice after a crash carries the same Message-ID."""

    number: int
    to: str
    subject: str
    text: str
    at: datetime


class Mailer(Protocol):
    """Sends mails."""

    def send(self, mail: Mail) -> None:
        """Send it. Raises NotSent."""


class Folder:
    """Writes each mail to a file: for development."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder, self._sender = folder, sender

    def send(self, mail: Mail) -> None:
        """Write it, readable by its owner only. Raises NotSent."""
        path = self._folder / f"{mail.number}.eml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(written(mail, self._sender).as_bytes())
        except OSError as wrong:
            raise NotSent(f"{path} can't be written: {wrong.strerror}.") from None


class Server:
    """Hands mails to a mail server, one conversation each."""

    def __init__(self, server: Smtp, sender: str, seconds: float = SECONDS) -> None:
        self._server, self._sender, self._seconds = server, sender, seconds

    def send(self, mail: Mail) -> None:
        """Send it. Raises NotSent."""
        try:
            with self._connected() as connection:
                self._greet(connection)
                connection.send_message(written(mail, self._sender))
        except smtplib.SMTPRecipientsRefused as refused:
            code, said = next(iter(refused.recipients.values()))
            raise NotSent(f"The mail server refused this address: {_said(said)}", for_good=500 <= code < 600) from None
        except smtplib.SMTPAuthenticationError:
            raise NotSent("The mail server does not accept the user and password of SMTP_URL.") from None
        except smtplib.SMTPResponseException as refused:
            raise NotSent(f"The mail server refused: {_said(refused.smtp_error)}") from None
        except ssl.SSLCertVerificationError:
            raise NotSent(f"{self._server.host} has no certificate that can be trusted.") from None
        except (OSError, smtplib.SMTPException) as wrong:
            raise NotSent(f"The mail server {self._server.host} could not be reached ({type(wrong).__name__}).") from None

    def _connected(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        if self._server.tls == "always":
            return smtplib.SMTP_SSL(host, port, timeout=self._seconds, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=self._seconds)

    def _greet(self, connection: smtplib.SMTP) -> None:
        """Encrypt, then say who we are. With a server that knows no STARTTLS nothing goes in the clear."""
        if self._server.tls == "starttls":
            try:
                connection.starttls(context=ssl.create_default_context())
            except smtplib.SMTPNotSupportedError:
                raise NotSent(f"The mail server {self._server.host} offers no encryption (STARTTLS).") from None
        if self._server.user:
            connection.login(self._server.user, self._server.password)


def mailer(server: Smtp | None, sender: str, folder: Path) -> Mailer:
    """The way that mails go here."""
    return Server(server, sender) if server else Folder(folder, sender)


def written(mail: Mail, sender: str) -> EmailMessage:
    """The mail as it travels. A name with line breaks in it can't become a header: they are spaces here."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = mail.to
    made["Subject"] = " ".join(mail.subject.split())
    made["Date"] = format_datetime(mail.at)
    made["Message-ID"] = f"<{mail.number}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail.text)
    return made


def _said(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:300]
