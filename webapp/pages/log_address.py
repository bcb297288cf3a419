"""The address of a log page: its query is its text (`?q=`), and the addresses of filters are texts with another term. No page lives here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from urllib.parse import urlencode

from webapp.engine import log_language
from webapp.engine.log_language import KEYS, Term

DATES = {"today": "Today", "yesterday": "Yesterday", "7d": "Last 7 days", "30d": "Last 30 days"}
"""The dates that the menu offers."""

SPANS: Mapping[str, Mapping[str, str | None]] = {
    "today": {"after": "today", "before": None},
    "yesterday": {"after": "yesterday", "before": "today"},
    "7d": {"after": "7d", "before": None},
    "30d": {"after": "30d", "before": None},
}
"""The terms that each of DATES writes."""

OLD = ("status", "trigger", "action", "integration")
"""What earlier addresses had as arguments of their own, beside `q` and `date`."""


@dataclass(frozen=True)
class Asked:
    """One log page's address: `base` is its path, `text` what it asks for, as it was typed."""

    base: str
    text: str = ""

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """What the text asks for."""
        return log_language.terms(self.text)

    def __getitem__(self, key: str) -> str:
        """What is asked of `key`, "" for nothing."""
        return next((term.value for term in self.terms if term.key == key), "")

    def other(self, **changes: str | None) -> Asked:
        """The same with these terms otherwise; None or "" drops one."""
        kept = [term for term in self.terms if term.key not in changes]
        asked = [*kept, *(Term(key, value) for key, value in changes.items() if value)]
        return Asked(self.base, log_language.text(sorted(asked, key=_place)))

    def href(self, **changes: str | None) -> str:
        """The address of it with these terms otherwise."""
        return address(self.base, self.other(**changes).text if changes else self.text)

    def older(self, entry: int, day: str) -> str:
        """The same page from below an entry, which was of a day."""
        return address(self.base, self.text, before=entry, day=day)

    def plain(self) -> str:
        """The same page without its words."""
        return address(self.base, log_language.text(term for term in self.terms if term.key))

    @property
    def words(self) -> list[str]:
        """The words that are looked for."""
        return [term.value for term in self.terms if not term.key]

    @property
    def date(self) -> str:
        """Which of DATES its times are; "" for others."""
        given = {"after": self["after"] or None, "before": self["before"] or None}
        return next((date for date, span in SPANS.items() if span == given), "")

    @property
    def narrows(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.terms)


def read(base: str, args: Mapping[str, str]) -> Asked:
    """What the arguments of a request ask for, also in the earlier form, which had one for each filter."""
    asked = Asked(base, args.get("q", "").strip()[: log_language.LONGEST])
    if not is_old(args):
        return asked
    date = args.get("date", "").strip()
    return asked.other(**{key: args.get(key, "").strip() for key in OLD}, **SPANS.get(date, _day(date)))


def is_old(args: Mapping[str, str]) -> bool:
    """Whether the arguments are of the earlier form."""
    return any(args.get(key) for key in (*OLD, "date"))


def query(**terms: str | int | None) -> str:
    """The address of the log with these terms; what is None or "" is not asked for."""
    return Asked("/logs").href(**{key: str(value) if value is not None else None for key, value in terms.items()})


def address(base: str, text: str, **more: str | int | None) -> str:
    """A page of the log for a text; `more` are further arguments."""
    given = {key: value for key, value in {"q": text, **more}.items() if value not in {None, ""}}
    return f"{base}?{urlencode(given)}" if given else base


def _place(term: Term) -> int:
    """Words first, then the keys in their order."""
    return KEYS.index(term.key) + 1 if term.key else 0


def _day(date: str) -> Mapping[str, str | None]:
    """The terms of a day or an hour of earlier addresses."""
    return {"after": date, "before": _following(date)} if date else {}


def _following(date: str) -> str | None:
    """The day or hour after one, as an address names it; None for what is neither."""
    try:
        at = datetime.fromisoformat(date)
    except ValueError:
        return None
    return f"{at + timedelta(hours=1):%Y-%m-%dT%H}" if "T" in date.upper() else f"{at + timedelta(days=1):%Y-%m-%d}"
