"""A mail server for tests, in a thread: it speaks as much SMTP as a client needs, with or without TLS, and keeps what it is given."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """Where it listens, and what it was told. `refuses`: the answer to a recipient whose address begins so."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    signed_in: int = 0
    encrypted: bool = False
    refuses: dict[str, bytes] = field(default_factory=dict)


class Conversation(socketserver.StreamRequestHandler):
    """One client's."""

    server: Server

    def handle(self) -> None:
        if self.server.context and self.server.at_once:
            self.encrypt(self.server.context)
        self.say(b"220 ready")
        while (line := self.rfile.readline()) and self.answer(line.strip()):
            pass

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def answer(self, line: bytes) -> bool:
        """Whether the client goes on."""
        kept, context, verb = self.server.kept, self.server.context, line[:4].upper()
        match verb:
            case b"EHLO":
                self.say(b"250-here", *([b"250-STARTTLS"] if context and not kept.encrypted else []), b"250 AUTH PLAIN")
            case b"STAR" if context:
                self.say(b"220 go on")
                self.encrypt(context)
            case b"AUTH":
                kept.signed_in += 1
                self.say(b"235 yes")
            case b"RCPT":
                self.say(next((said for start, said in kept.refuses.items() if f"<{start}".encode() in line), b"250 yes"))
            case b"DATA":
                self.say(b"354 go on")
                self.keep()
                self.say(b"250 kept")
            case _:
                self.say(b"221 bye" if verb == b"QUIT" else b"250 yes")
        return verb != b"QUIT"

    def keep(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        made = message_from_bytes(b"".join(lines).replace(b"\r\n", b"\n"), policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.server.kept.mails.append(made)

    def encrypt(self, context: ssl.SSLContext) -> None:
        self.rfile.close()
        plain = self.request
        try:
            self.request = context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            raise
        self.rfile = self.request.makefile("rb")
        self.server.kept.encrypted = True

    def say(self, *lines: bytes) -> None:
        self.request.sendall(b"".join(line + b"\r\n" for line in lines))


class Server(socketserver.ThreadingTCPServer):
    """Takes any number of clients."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None, at_once: bool) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.context, self.at_once, self.kept = context, at_once, MailServer()

    def handle_error(self, *_: object) -> None:
        """A client that did not like the certificate has hung up."""


@contextmanager
def mail_server(context: ssl.SSLContext | None = None, *, at_once: bool = False) -> Iterator[MailServer]:
    """Run one. With a context it offers STARTTLS, or encrypts `at_once`."""
    with Server(context, at_once) as server:
        server.kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.kept
        finally:
            server.shutdown()
            thread.join()
