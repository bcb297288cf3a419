"""Pseudonyms for all that says who somebody is. The same always gets the same one, and what was sorted stays sorted. Pure.

Keys and ids keep their order among each other, since the larger of two keys wins where two messages tell of the same time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

EMAIL = "customer@case.test"
ADDRESS = re.compile(r"[^\s@,;:<>\"'()\\&=?]+(?:@|%40)[^\s@,;:<>\"'()\\&=?]*\w")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)?")
_MEMBER = re.compile(r"(?<=/community_members/)\d+|(?<=community_member_id=)\d+")
_SALVAGED = re.compile(r'"(id|email|active|message)"\s*:\s*("(?:[^"\\]|\\.)*"|\d+|true|false)')
SPOKEN = frozenset({"message", "errors", "error", "error_details"})
"""Where an app says something in words that decide."""
SHOWN = frozenset({"name", "status", "slug"})
"""Where it names what is not a person, unless a person's record has it."""
FIRST_MEMBER = 7_000_001


@dataclass
class Masks:
    """The pseudonyms of one case. `addresses` and the names (first, last, and both together) are masked wherever they stand."""

    addresses: Collection[str]
    firsts: Collection[str]
    lasts: Collection[str]
    targets: Collection[str]
    keys: Mapping[str, str] = field(default_factory=dict)
    refs: Mapping[str, str] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        others = sorted({one.lower() for one in self.addresses} - {self._own()})
        self._emails = {self._own(): EMAIL} | {one: f"customer-also-{n}@case.test" for n, one in enumerate(others, 1)}
        firsts = {one: f"First{n}" for n, one in enumerate(sorted({one for one in self.firsts if one}), 1)}
        lasts = {one: f"Last{n}" for n, one in enumerate(sorted({one for one in self.lasts if one}), 1)}
        both = {f"{first} {last}": f"{firsts[first]} {lasts[last]}" for first in firsts for last in lasts}
        self._names = firsts | lasts | both
        longest = sorted([*both, *(one for one in lasts if len(one) > 2)], key=len, reverse=True)
        self._in_texts = re.compile("|".join(rf"\b{re.escape(one)}\b" for one in longest)) if longest else None

    def _own(self) -> str:
        return next(iter(self.addresses), "").lower()

    def email(self, text: str) -> str:
        """An address; of somebody else, nobody's."""
        plain = text.replace("%40", "@")
        masked = self._emails.get(plain.lower(), "somebody@case.test")
        return masked.replace("@", "%40") if "%40" in text else masked

    def name(self, text: str) -> str:
        """A first name, a last name or both; any other is nobody's."""
        return self._names.get(text, "Somebody") if text else ""

    def key(self, text: str) -> str:
        """A message's identity, alone or at the end of what is made of it."""
        return self.keys.get(text, "~" if text.startswith("~") else "m" if text else "")

    def ref(self, text: str | None) -> str | None:
        """The id of an order, a subscription, a prospect."""
        return None if text is None else self.refs.get(text, "ref")

    def ground(self, text: str) -> str:
        """A purchase's ground."""
        kind, found, ref = text.partition(":")
        return f"{kind}:{ref if kind in {'hand', 'erased'} else self.ref(ref)}" if found else text

    def member(self, number: str) -> str:
        """A member's id in the app."""
        return self.members.setdefault(number, str(FIRST_MEMBER + len(self.members)))

    def text(self, said: str) -> str:
        """A sentence."""
        masked = ADDRESS.sub(lambda found: self.email(found[0]), said)
        return self._in_texts.sub(lambda found: self._names[found[0]], masked) if self._in_texts else masked

    def path(self, path: str) -> str:
        """A call's path with its query."""
        return _MEMBER.sub(lambda found: self.member(found[0]), ADDRESS.sub(lambda found: self.email(found[0]), path))

    def body(self, text: str) -> str:
        """What a call sent."""
        return json.dumps(self._sent(json.loads(text)), ensure_ascii=False) if text else ""

    def answer(self, text: str, status: int) -> str:
        """What the app answered, as far as it decides something: who it is, what it is about, what is said."""
        if not status or not text.lstrip().startswith(("{", "[")):
            return self.text(text) if not text.lstrip().startswith("<") else "<html></html>"
        try:
            said = json.loads(text)
        except ValueError:  # only its beginning was kept
            said = {key: json.loads(value) for key, value in reversed(_SALVAGED.findall(text))}
        return json.dumps(self._heard(said, ""), ensure_ascii=False)

    def _sent(self, said: Any) -> Any:
        if isinstance(said, dict):
            return {key: self.name(one) if key == "name" else self._id(key, one) for key, one in said.items()}
        return said

    def _id(self, key: str, value: Any) -> Any:
        if key == "community_member_id":
            return int(self.member(str(value)))
        return self.text(value) if isinstance(value, str) else value

    def _heard(self, said: Any, key: str) -> Any:
        if isinstance(said, dict):
            person = "email" in said
            return {one: self._of_record(one, value, person=person) for one, value in said.items()}
        if isinstance(said, list):
            return [self._heard(one, key) for one in said]
        if isinstance(said, str):
            return self._words(said, key)
        return said

    def _of_record(self, key: str, value: Any, *, person: bool) -> Any:
        if (person and key == "id") or key in {"community_member_id", "member_id"}:
            return int(self.member(str(value))) if isinstance(value, int) else self.member(str(value))
        if person and isinstance(value, str) and key not in {"email", *SPOKEN} and not _TIME.fullmatch(value):
            return "…"
        if isinstance(value, int) and not isinstance(value, bool) and key.endswith("_id") and str(value) not in self.targets:
            return 0
        return self._heard(value, key)

    def _words(self, said: str, key: str) -> str:
        if key in SPOKEN or key in SHOWN or "@" in said:
            return self.text(said)
        return said if _TIME.fullmatch(said) or not said or said in self.targets else "…"


def in_order(words: Iterable[str], called: str) -> dict[str, str]:
    """A pseudonym for each, which sort as they do."""
    known = sorted(set(words))
    width = len(str(len(known)))
    return {word: f"{called}{number:0{width}}" for number, word in enumerate(known, 1)}
