"""Products from a file: what spreadsheets write is read, what is wrong is told with its line, and nothing is stored twice."""

from __future__ import annotations

from itertools import count

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOW, make_marketplace, make_product
from webapp.csv_file import MOST_BYTES, Unreadable, Wrong, decode
from webapp.engine import product_csv
from webapp.engine.product_csv import MOST_LINES, Line
from webapp.models import Marketplace, Product

_ids = count(10**9)


def new_id(_: object) -> int:
    return next(_ids)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(line.id, line.name) for line in product_csv.read(text).lines]


@pytest.mark.parametrize(
    "text",
    [
        "id,name\r\nads-101,Ads 101\r\n202,Templates\r\n",
        "ads-101,Ads 101\n202,Templates",
        "ID;Name\nads-101;Ads 101\n202;Templates\n",
        "Product name\tSKU\tPrice\nAds 101\tads-101\t49,00\nTemplates\t202\t9,00\n",
        '\n"id","name"\n\n ads-101 , "Ads 101"\n"202","Templates"\n,\n',
    ],
)
def test_what_spreadsheets_write_is_read(text: str) -> None:
    assert pairs(text) == [("ads-101", "Ads 101"), ("202", "Templates")]


def test_quotes_hold_what_separates() -> None:
    assert pairs('a,"One, two; ""three"""\n') == [("a", 'One, two; "three"')]


def test_a_comma_in_a_name_does_not_beat_the_semicolon_of_the_heading() -> None:
    assert pairs("id;name\na;One, two, three\n") == [("a", "One, two, three")]


def test_each_wrong_line_says_why() -> None:
    read = product_csv.read('id,name\na,One\n,Two\nb\na,Again\nc,"li\nne"\n' + "d" * 201 + ",Long\ne," + "n" * 301 + "\nf,Last\n")
    assert [line.id for line in read.lines] == ["a", "f"]
    assert read.lines[-1] == Line(10, "f", "Last")
    assert read.wrong == (
        Wrong(3, "There is no product id."),
        Wrong(4, "b has no name."),
        Wrong(5, "a is in line 2 already."),
        Wrong(6, "The name has a character that cannot be shown."),
        Wrong(8, "The product id is longer than 200 characters."),
        Wrong(9, "The name is longer than 300 characters."),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n,\n", "empty"),
        ("id,name\n", "no products"),
        ('a,One\nb,"Two\n', "Line 2 can't be read"),
        ('a,"One" more\n', "Line 1 can't be read"),
        ("a,b\n" * (MOST_LINES + 1), "5,001 lines"),
    ],
)
def test_a_file_that_is_none_says_so(text: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        product_csv.read(text)


def test_as_many_lines_as_may_be_beside_a_heading() -> None:
    text = "id,name\n" + "".join(f"{number},Name\n" for number in range(MOST_LINES))
    assert len(product_csv.read(text).lines) == MOST_LINES


def test_a_byte_order_mark_is_no_part_of_the_first_id() -> None:
    assert pairs(decode("ads-101,Café".encode("utf-8-sig"))) == [("ads-101", "Café")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("Café".encode("latin-1"), "not in UTF-8"),
        ("a,b".encode("utf-16"), "not in UTF-8"),
        (b"a\0,b", "not a CSV"),
        (b"a" * (MOST_BYTES + 1), "1 MiB"),
    ],
)
def test_what_is_no_text_says_so(data: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        decode(data)


@pytest.fixture
def market(session: Session) -> Marketplace:
    made = make_marketplace(session)
    make_product(session, made, "Ads 101", external_id="ads-101")
    make_product(session, made, "Old name", external_id="202", archived_at=NOW)
    make_product(session, make_marketplace(session), "Theirs", external_id="303")
    return made


def test_lines_are_compared_with_what_is_there_and_stored(session: Session, market: Marketplace) -> None:
    lines = product_csv.read("ads-101,Ads 101\n202,New name\n303,Three\n").lines
    plan = product_csv.compare(session, market.id, lines)
    assert ([line.id for line in plan.new], [(line.id, name) for line, name in plan.renamed], plan.same) == (
        ["303"],
        [("202", "Old name")],
        1,
    )
    assert plan.changes == 2
    before = market.version
    assert product_csv.store(session, market.id, lines, now=NOW, new_id=new_id) == plan
    session.expire_all()
    own = session.execute(
        select(Product.external_id, Product.name).where(Product.marketplace_id == market.id).order_by(Product.external_id)
    )
    assert own.all() == [("202", "New name"), ("303", "Three"), ("ads-101", "Ads 101")]
    assert session.scalar(select(Product.name).where(Product.marketplace_id != market.id)) == "Theirs"
    assert market.version == before + 1
    again = product_csv.store(session, market.id, lines, now=NOW, new_id=new_id)
    session.expire_all()
    assert (again.changes, again.same, market.version) == (0, 3, before + 1)


def test_many_at_once(session: Session, market: Marketplace) -> None:
    lines = product_csv.read("".join(f"many-{number},Name {number}\n" for number in range(MOST_LINES))).lines
    product_csv.store(session, market.id, lines, now=NOW, new_id=new_id)
    assert product_csv.compare(session, market.id, lines).same == MOST_LINES
