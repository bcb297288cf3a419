"""One call with its answer: what a reader of answers is given, and how Circle words its refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.apps.circle.play import CLUB, FAN, ME, PARTY, VIP, Place, member, nobody, want
from webapp.apps import Answer, Call, Known, Learned, Want
from webapp.apps.circle import CIRCLE

OOPS = "Oops! Missing record. Please try again later."
NEW = "new@shop.test"


@dataclass
class Asked:
    """One call of a plan, and what is believed before it."""

    want: Want
    known: Known
    call: Call

    def learn(self, status: int, data: Any = None, text: str = "", **more: Any) -> Learned:
        return CIRCLE.learn(self.want, self.known, self.call, Answer(status, data, text or ("…" if data is not None else ""), **more))


def first(asked: Want, known: Known) -> Asked:
    return Asked(asked, known, CIRCLE.plan(asked, known)[0])


def missing(record: str) -> dict[str, Any]:
    return {"success": False, "message": OOPS, "error_details": {"message": f"Missing record: {record}"}}


def said(words: str) -> dict[str, Any]:
    return {"success": False, "message": words, "error_details": {}}


def every_call(place: Place) -> dict[str, Asked]:
    """The first call of each of the ten actions, for a member, and an invite."""
    calls = {"invite": first(want(place.targets, hold=[ME, VIP]), nobody()), "leave": first(want(place.targets, drop=[ME]), member("7"))}
    calls |= {f"add {key}": first(want(place.targets, hold=[key]), member()) for key in (VIP, CLUB, PARTY, FAN)}
    return calls | {f"remove {key}": first(want(place.targets, drop=[key]), member()) for key in (VIP, CLUB, PARTY, FAN)}
