"""Past purchases from a file: what spreadsheets write is read, what is wrong is told with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.factories import NOW
from webapp.csv_file import Unreadable, Wrong
from webapp.sources import purchase_list
from webapp.sources.purchase_list import Read

BERLIN = ZoneInfo("Europe/Berlin")


def read(text: str) -> Read:
    return purchase_list.read(text, BERLIN, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "email,product,date,order\nMina@Shop.test,ads,2026-05-12,9001\n",
        "mina@shop.test,ads,2026-05-12,9001",
        "Order ID;Date;E-Mail;SKU\n9001;12.5.2026;mina@shop.test;ads\n",
        "mina@shop.test\tads\t2026-05-12 00:00\t9001",
    ],
)
def test_lines_as_spreadsheets_write_them(text: str) -> None:
    (message,) = read(text).messages.values()
    (line,) = message.lines
    assert message.person
    assert (message.person.email, line.kind, line.product, line.order) == ("mina@shop.test", "purchased", "ads", "9001")
    assert message.at == datetime(2026, 5, 12, tzinfo=BERLIN)


def test_a_time_with_a_zone_is_meant_there_and_an_order_may_be_missing() -> None:
    (message,) = read("mina@shop.test,ads,2026-05-12T10:00:00+02:00\n").messages.values()
    assert (message.at, message.lines[0].order) == (datetime(2026, 5, 12, 8, tzinfo=UTC), None)


def test_what_is_wrong_is_told_with_its_line() -> None:
    found = read(
        "email,product,date,order\nnobody,ads,2026-05-12,1\na@b.test,,2026-05-12,1\na@b.test,ads,May,1\na@b.test,ads,,1\n"
        "a@b.test,ads,2027-01-01,1\na@b.test,ads,1999-01-01,1\na@b.test,ads,2026-05-12,1\nA@b.test,ads,2026-05-13,1\n"
    )
    assert found.wrong == [
        Wrong(2, "The e-mail is not an e-mail address."),
        Wrong(3, "The product id must not be empty."),
        Wrong(4, "“May” is not a date. Write it like 2026-05-12."),
        Wrong(5, "There is no date."),
        Wrong(6, "2027-01-01 is in the future."),
        Wrong(7, "1999-01-01 is too long ago."),
        Wrong(9, "It is in line 8 already."),
    ]
    assert list(found.messages) == [8]


def test_the_same_line_has_the_same_identity_in_every_file() -> None:
    first, again = (
        read("a@b.test,ads,2026-05-12,1\n").messages[1],
        read("email,product,date,order\na@b.test,ads,2026-05-12,1\n").messages[2],
    )
    assert first.key == again.key
    other = read("a@b.test,ads,2026-05-12,2\n").messages[1]
    assert other.key != first.key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "This file is empty."),
        ("email,product,date\n", "a heading and no purchases"),
        ("email,order\na@b.test,1\n", "no column for: product, date."),
        ("a@b.test,ads,2026-05-12,1\n" * (purchase_list.MOST_LINES + 1), "at most 20,000"),
    ],
)
def test_files_that_can_not_be_used(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read(text)
