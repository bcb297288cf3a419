"""Who sent a request, and when: held against the library that checkouts sign with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from webapp.sources import Refusal, Request
from webapp.sources.signing import check, is_secret, new_secret, signed

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
BODY = '{"type": "ping", "who": "Añá"}'.encode()


def request(headers: dict[str, str], *secrets: str, body: bytes = BODY) -> Request:
    return Request(body, headers, {}, secrets)


def refused(headers: dict[str, str], *secrets: str, body: bytes = BODY, now: datetime = NOW) -> tuple[object, str]:
    with pytest.raises(Refusal) as caught:
        check(request(headers, *secrets, body=body), now)
    assert caught.value.status == 401
    return caught.value.body["error"], caught.value.reason


def test_what_the_library_signs_is_taken():
    secret = new_secret()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", NOW, BODY.decode()),
    }
    assert check(request(headers, secret), NOW) == "msg_1"


def test_what_we_sign_the_library_takes():
    secret, now = new_secret(), datetime.now(UTC)
    Webhook(secret).verify(BODY, signed(secret, "msg_1", now, BODY), json_parse=False)


def test_every_secret_is_tried_and_every_signature():
    old, new, other = new_secret(), new_secret(), new_secret()
    headers = signed(old, "m", NOW, BODY)
    assert check(request(headers, new, old), NOW) == "m"
    headers["webhook-signature"] = f"v1a,xyz {signed(other, 'm', NOW, BODY)['webhook-signature']} {headers['webhook-signature']}"
    assert check(request(headers, new, old), NOW) == "m"
    assert refused(headers, new)[0] == "signature"


def test_a_secret_without_its_padding_is_the_same_secret():
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVg=="
    assert check(request(signed(secret, "m", NOW, BODY), secret.rstrip("=")), NOW) == "m"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_header_is_named(missing: str, value: str | None):
    secret = new_secret()
    headers = signed(secret, "m", NOW, BODY)
    headers.pop(missing)
    if value is not None:
        headers[missing] = value
    error, reason = refused(headers, secret)
    assert error == "headers"
    assert missing in reason


@pytest.mark.parametrize("off", [timedelta(seconds=300), timedelta(seconds=-300), timedelta(0)])
def test_five_minutes_either_way_are_allowed(off: timedelta):
    secret = new_secret()
    assert check(request(signed(secret, "m", NOW + off, BODY), secret), NOW) == "m"


@pytest.mark.parametrize(
    ("off", "reason"),
    [
        (timedelta(seconds=301), "5 minutes ahead of"),
        (timedelta(seconds=-301), "5 minutes behind"),
        (timedelta(hours=-3), "3 hours behind"),
        (timedelta(days=400), "400 days ahead of"),
    ],
)
def test_more_than_five_minutes_are_not(off: timedelta, reason: str):
    secret = new_secret()
    error, told = refused(signed(secret, "m", NOW + off, BODY), secret)
    assert error == "timestamp"
    assert reason in told


@pytest.mark.parametrize("at", ["yesterday", "1e9", "-1", "1764000000.5", "9" * 400, "１７６４０００００００"])
def test_a_time_that_is_no_number_of_seconds(at: str):
    secret = new_secret()
    assert refused(signed(secret, "m", NOW, BODY) | {"webhook-timestamp": at}, secret)[0] == "timestamp"


def test_a_body_that_was_changed_is_refused():
    secret = new_secret()
    assert refused(signed(secret, "m", NOW, BODY), secret, body=BODY + b" ")[0] == "signature"
    assert refused(signed(secret, "m", NOW, BODY) | {"webhook-id": "n"}, secret)[0] == "signature"
    moved = str(int(NOW.timestamp()) + 1)
    assert refused(signed(secret, "m", NOW, BODY) | {"webhook-timestamp": moved}, secret)[0] == "signature"


@pytest.mark.parametrize("given", ["v1", "v1,", "v1,\xe9\xe9", "v2,abc", ",", "v1,%%%", "garbage without sense"])
def test_nonsense_for_a_signature_is_refused(given: str):
    secret = new_secret()
    assert refused(signed(secret, "m", NOW, BODY) | {"webhook-signature": given}, secret)[0] == "signature"


def test_without_a_secret_nothing_is_proven():
    assert refused(signed(new_secret(), "m", NOW, BODY))[0] == "signature"


def test_a_body_that_is_no_text_can_be_held_against_its_signature():
    secret = new_secret()
    assert refused(signed(secret, "m", NOW, BODY), secret, body=b"\xff\xfe")[0] == "signature"


@pytest.mark.parametrize("key", ["m" * 257, "caf\xe9", "a\x00b"])
def test_an_id_that_cannot_be_kept_is_refused(key: str):
    secret = new_secret()
    assert refused(signed(secret, "m", NOW, BODY) | {"webhook-id": key}, secret)[0] == "headers"


def test_an_id_of_256_characters_is_taken():
    secret = new_secret()
    assert check(request(signed(secret, "m" * 256, NOW, BODY), secret), NOW) == "m" * 256


def test_secrets_are_new_each_time_and_good():
    assert new_secret() != new_secret()
    assert is_secret(new_secret())


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_???", "whsec_é", "QUJDREVGR0hJSktMTU5PUFFSU1RVVg==", "whsec_A"])
def test_what_cannot_be_a_secret(text: str):
    assert not is_secret(text)
