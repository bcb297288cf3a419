"""The words in which one asks the log: what a text means, that it can be written again, and what times it knows."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from webapp.engine import log_language
from webapp.engine.log_language import KEYS, MOST_WORDS, Term, moment, terms, text

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", []),
        ("maya", [("", "maya")]),
        (" maya@shop.test   Ads ", [("", "maya@shop.test"), ("", "Ads")]),
        ('"no longer exists" 503', [("", "no longer exists"), ("", "503")]),
        ("status:failed STATUS:parked", [("status", "parked")]),
        ('integration:"My community" vip', [("integration", "My community"), ("", "vip")]),
        ("at 14:32 http://x", [("", "at"), ("", "14:32"), ("", "http://x")]),
        ('status: "" rule:"" "', []),
        ('"status:failed"', [("", "status:failed")]),
        ('"never closed', [("", "never closed")]),
        ("twice twice", [("", "twice")]),
    ],
)
def test_a_text_is_words_and_what_is_asked_by_name(typed: str, meant: list[tuple[str, str]]) -> None:
    assert [tuple(term) for term in terms(typed)] == meant


def test_no_text_asks_for_too_much() -> None:
    assert len(terms(" ".join(str(number) for number in range(100)))) == MOST_WORDS
    assert len(terms("x" * 10_000)[0].value) == log_language.LONGEST


values = st.text(st.characters(codec="utf-8", exclude_characters='"'), min_size=1, max_size=12).map(str.strip).filter(bool)
asked = st.lists(
    st.builds(Term, st.sampled_from(("", *KEYS)), values), max_size=5, unique_by=lambda term: (term.key, term.key or term.value)
)


@given(asked)
def test_what_is_written_is_read_again(some: list[Term]) -> None:
    assert list(terms(text(some))) == some


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=BERLIN)),
        ("2026-07-01T14", datetime(2026, 7, 1, 14, tzinfo=BERLIN)),
        ("2026-07-01t14:30", datetime(2026, 7, 1, 14, 30, tzinfo=BERLIN)),
        ("today", datetime(2026, 11, 24, tzinfo=BERLIN)),
        ("Yesterday", datetime(2026, 11, 23, tzinfo=BERLIN)),
        ("24h", NOW - timedelta(hours=24)),
        ("7d", NOW - timedelta(days=7)),
        *((wrong, None) for wrong in ("2026-13-01", "2026-11-24T25", "0001-01-01", "7", "7w", "d", "tomorrow", "")),
    ],
)
def test_times_are_those_of_the_marketplace(said: str, at: datetime | None) -> None:
    assert moment(said, BERLIN, NOW) == at
