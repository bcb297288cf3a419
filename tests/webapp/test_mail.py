"""A mail leaves over checked TLS, or not at all; in development it is a file."""

from __future__ import annotations

import ssl
import stat
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import trustme

from tests.factories import NOW
from tests.mail_server import mail_server
from webapp.environment import Smtp
from webapp.mail import Folder, Mail, NotSent, Server, mailer

SENDER = "Acme <mail@shop.test>"
MAIL = Mail(17, "mina@shop.test", "Join us\r\nBcc: all@shop.test", "Hello.\n.\nhttps://shop.test/x\n", NOW)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(made)
    return made


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own authority is one that this machine trusts."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("tls", ["starttls", "always"])
def test_it_is_encrypted_before_a_password_is_sent(context: ssl.SSLContext, tls: str) -> None:
    with mail_server(context, at_once=tls == "always") as server:
        mailer(Smtp("localhost", server.port, "me", "hush", tls), SENDER, Path("nowhere")).send(MAIL)
    (mail,) = server.mails
    assert (server.encrypted, server.signed_in) == (True, 1)
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, "mina@shop.test", "Join us Bcc: all@shop.test")
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == "<17@shop.test>"
    assert mail.get_content() == MAIL.text


@pytest.mark.parametrize("tls", ["starttls", "always"])
def test_a_certificate_that_nobody_vouches_for_gets_nothing(context: ssl.SSLContext, tls: str) -> None:
    with (
        mail_server(context, at_once=tls == "always") as server,
        pytest.raises(NotSent, match="no certificate that can be trusted") as refused,
    ):
        Server(Smtp("localhost", server.port, "me", "hush", tls), SENDER).send(MAIL)
    assert (server.mails, server.signed_in) == ([], 0)
    assert not refused.value.for_good


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_host_gets_nothing(context: ssl.SSLContext) -> None:
    with mail_server(context) as server, pytest.raises(NotSent, match="no certificate that can be trusted"):
        Server(Smtp("127.0.0.1", server.port, "", "", "starttls"), SENDER).send(MAIL)


def test_a_server_without_encryption_gets_nothing_unless_the_setting_says_so() -> None:
    with mail_server() as server:
        with pytest.raises(NotSent, match="offers no encryption"):
            Server(Smtp("localhost", server.port, "me", "hush", "starttls"), SENDER).send(MAIL)
        assert (server.mails, server.signed_in) == ([], 0)
        Server(Smtp("localhost", server.port, "", "", "never"), SENDER).send(MAIL)
    assert len(server.mails) == 1


@pytest.mark.parametrize(("answer", "for_good"), [(b"550 5.1.1 nobody here", True), (b"451 try later", False)])
def test_a_refused_address_is_given_up_where_the_refusal_is_final(answer: bytes, for_good: bool) -> None:
    with mail_server() as server:
        server.refuses["mina@"] = answer
        with pytest.raises(NotSent, match="refused this address") as refused:
            Server(Smtp("localhost", server.port, "", "", "never"), SENDER).send(MAIL)
    assert refused.value.for_good is for_good


def test_a_server_that_is_away_is_told_without_its_password() -> None:
    with mail_server() as server:
        port = server.port
    with pytest.raises(NotSent, match=r"could not be reached \(ConnectionRefusedError\)") as refused:
        Server(Smtp("localhost", port, "me", "hush", "starttls"), SENDER).send(MAIL)
    assert "hush" not in str(refused.value)


def test_in_development_it_is_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    mailer(None, SENDER, tmp_path / "mail").send(MAIL)
    (path,) = (tmp_path / "mail").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert message_from_bytes(path.read_bytes(), policy=policy.default)["To"] == "mina@shop.test"
    with pytest.raises(NotSent, match="can't be written"):
        Folder(path, SENDER).send(MAIL)
