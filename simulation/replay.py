"""python -m simulation.replay CASE.json: plays a case (`flask case`) with the real engine, in memory, and holds its calls against the recorded ones.

What the checkout said comes in again at its time, under the rules that stood then; what persons and batches asked for is put on record as
they did; the app answers as it answered. Each call that is planned is held against the one that was made.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from simulation.house import empty, seal
from webapp.apps import Answer, Call
from webapp.apps.registry import APPS
from webapp.engine import corrections, lanes, recording
from webapp.engine.intake import Arrival, take
from webapp.engine.snapshots import RuleView, Snapshot, inverse
from webapp.engine.work import OURS, WATCHED, Work
from webapp.models import Customer, Grant, Holding, Integration, Lane, LogEntry, Marketplace, Product, Purchase, Source, Target
from webapp.sources import Line, Message, Person

EMAIL = "customer@case.test"
LONG = timedelta(seconds=25)
"""A lane whose next call came later than this after the one before was given back in between."""

Case = Mapping[str, Any]


class Differs(Exception):
    """What the engine does now is not what it did then: what of it, in a sentence."""


@dataclass(frozen=True, order=True)
class Step:
    """Something that happened, in its order: what comes in at a moment comes before what a worker did then."""

    at: datetime
    turn: int
    number: int
    about: Any = field(compare=False)


class _Rules:
    """The rules that stood when a message came: those that it started."""

    def __init__(self, zone: str) -> None:
        self.zone, self.started, self.products = zone, (), {}

    started: tuple[RuleView, ...]
    products: dict[str, tuple[int, str]]

    def get(self, session: Session, marketplaces: Any) -> dict[int, Snapshot]:
        """As `webapp.engine.snapshots.Snapshots` does."""
        return {one: Snapshot(one, 0, self.zone, self.started, self.products) for one in marketplaces}


class Replay:
    """One case being played."""

    def __init__(self, case: Case) -> None:
        self.case, self.house = case, empty()
        self.rules = _Rules(case["zone"])
        self.targets = {one["id"]: one for one in case["targets"]}
        self.integrations = {one["id"]: one for one in case["integrations"]}
        self.purchases = {one["id"]: one for one in case["purchases"]}
        self.marks = {one["id"]: [mark for mark in case["marks"] if mark["entry"] == one["id"]] for one in case["entries"]}
        self.calls = sorted(case["calls"], key=lambda one: one["id"])
        self.hands: dict[int, Work] = {}
        self.entries: dict[int, int] = {}

    def play(self) -> Iterator[str]:
        """A line for each call. Raises Differs at the first that is another one."""
        self._furnish()
        for step in sorted(self._steps()):
            self.house.now = step.at
            said = self._take(step)
            if said:
                yield said

    # ---- what happened, in its order

    def _steps(self) -> Iterator[Step]:
        for event in self.case["events"]:
            yield Step(_time(event["at"]), 0, event["id"], ("event", event))
        for entry in self.case["entries"]:
            yield from self._of_entry(entry)
        for lane in self.case["lanes"]:
            if lane["alias_by"] == "merchant" and lane["alias_at"]:
                yield Step(_time(lane["alias_at"]), 1, 0, ("alias", lane))
        for call in self.calls:
            if self._served(call):
                yield Step(_time(call["at"]) - timedelta(milliseconds=call["took_ms"]), 3, call["id"], ("call", call))

    def _of_entry(self, entry: Case) -> Iterator[Step]:
        if entry["action"] is None:
            return
        if entry["cause"] in {"seen_gone", "seen_there"}:
            yield Step(_time(entry["at"]), 1, entry["id"], ("seen", entry))
            return
        asked = entry["by_hand"] or entry["replays"] or entry["rule"]
        if asked and not entry["by_intake"]:
            yield Step(_time(entry["at"]), 1, entry["id"], ("asked", entry))
        if entry["finished_at"] and not entry["calls"]:
            turn, what = (2, "ended") if entry["status"] == "skipped" else (4, "looked")
            yield Step(_time(entry["finished_at"]), turn, entry["id"], (what, entry))

    def _take(self, step: Step) -> str:
        what, about = step.about
        if what == "call":
            return self._call(about)
        {
            "event": self._event,
            "asked": self._asked,
            "alias": self._alias,
            "seen": self._seen,
            "ended": self._ended,
            "looked": self._looked,
        }[what](about)
        return ""

    def _served(self, call: Case) -> bool:
        """Whether a call was made for entries: others were a check's, and only asked what is so."""
        return call["method"] != "GET" or any(call["id"] in entry["calls"] for entry in self.case["entries"])

    # ---- the house

    def _furnish(self) -> None:
        first = min((_time(one["at"]) for one in self.case["events"]), default=_time(self.case["made_at"]))
        house = self.house
        house.now, house.last_id = first, max(self.targets | self.integrations | self.marks, default=0)
        with house.write() as session:
            house.marketplace, house.source = house.new_id(first), house.new_id(first)
            session.add(Marketplace(id=house.marketplace, name="Case", time_zone=self.case["zone"], created_at=first))
            session.flush()
            session.add(Source(id=house.source, marketplace_id=house.marketplace, kind="cartwheel", address="case", created_at=first))
            for one in self.integrations.values():
                kept = {key: one[key] for key in ("id", "app", "name", "send_invitation")}
                place = Integration(**kept, marketplace_id=house.marketplace, credentials=seal('{"api_key": ""}'), created_at=first)
                session.add(place)
            session.flush()
            for one in self.targets.values():
                kept = {key: one[key] for key in ("id", "kind", "remote_id", "name", "group")}
                session.add(Target(**kept, integration_id=one["integration"]))
            for one in self.case["products"]:
                row = {"id": one["id"], "external_id": one["key"], "name": one["name"], "created_at": first}
                session.add(Product(**row, marketplace_id=house.marketplace))
                self.rules.products[one["key"]] = (one["id"], one["name"])

    def _event(self, event: Case) -> None:
        said = event["understood"]
        if said is None:
            return
        person = Person(EMAIL, said["first_name"], said["last_name"])
        lines = tuple(Line(**{**line, "access_until": _maybe(line["access_until"])}) for line in said["lines"])
        message = Message(said["key"], event["type"], _time(said["at"]), person, lines, said["note"], said["test"])
        self.rules.started = tuple(self._view(rule) for rule in event["started"])
        house = self.house
        with house.write() as session:
            take(session, [Arrival(house.marketplace, house.source, message, b"{}")], self.rules, house.now, house.new_id)  # type: ignore[arg-type]

    def _view(self, rule: Case) -> RuleView:
        app, target = self.integrations[rule["integration"]], self.targets[rule["target"]]
        action = APPS[app["app"]].actions[rule["action"]]
        return RuleView(
            rule["rule"], rule["product"], rule["trigger"], app["id"], app["name"], action.key, inverse(app["app"], action.key), action.adds,
            action.kind, target["id"], target["name"], rule["removal"], rule["for_days"], rule["after_days"], False, rule["broken"],
        )  # fmt: skip

    # ---- what persons and batches asked for

    def _asked(self, entry: Case) -> None:
        """An entry that no message made, with what it put on record."""
        with self.house.write() as session:
            lane = self._lane(session, entry["integration"])
            row = LogEntry(
                id=entry["id"], marketplace_id=self.house.marketplace, customer_id=lane.customer_id, integration_id=entry["integration"],
                target_id=entry["target"], lane_id=lane.id, open_lane_id=lane.id, trigger=entry["trigger"], action=entry["action"],
                rule_id=entry["rule"], product_id=entry["product"], status="queued", sentence=entry["sentence"], at=self.house.now,
                changed_at=self.house.now, due_at=_later(entry["due_at"], self.house.now),
            )  # fmt: skip
            session.add(row)
            for mark in self.marks[entry["id"]]:
                session.add(self._mark(session, mark, lane))
            lane.due_at = self.house.now
            if entry["replays"]:
                self._doubt(session, lane.id, entry["target"])

    def _mark(self, session: Session, mark: Case, lane: Lane) -> Grant:
        times = {key: _maybe(mark[key]) for key in ("at", "until", "asked_at")}
        kept = {key: mark[key] for key in ("op", "tie", "recoverable", "paid_period", "void")}
        purchase = self._purchase(session, mark["purchase"], lane.customer_id)
        ids = {"id": self.house.new_id(self.house.now), "lane_id": lane.id, "target_id": mark["target"], "entry_id": mark["entry"]}
        return Grant(**ids, **kept, **times, purchase_id=purchase, rule_id=mark["rule"])

    def _purchase(self, session: Session, number: int, customer: int) -> int:
        """The purchase that a mark is about: the one that messages made, else one of its own, as a person's decision has."""
        one = self.purchases[number]
        same = (Purchase.customer_id == customer, Purchase.product_id == one["product"], Purchase.ground == one["ground"])
        found = session.scalar(select(Purchase.id).where(*same))
        if found is None:
            times = {"state_at": _time(one["bought_at"]), "bought_at": _time(one["bought_at"])}
            kept = {"ground": one["ground"], "on_record": one["on_record"], "state": one["state"], "test": one["test"]}
            known = {"order_ref": one["order"], "subscription_ref": one["subscription"], "product_id": one["product"]}
            found = self.house.new_id(self.house.now)
            session.add(Purchase(id=found, marketplace_id=self.house.marketplace, customer_id=customer, **kept, **known, **times))
            session.flush()
        return found

    def _doubt(self, session: Session, lane: int, target: int) -> None:
        known = session.get(Holding, (lane, target))
        word = OURS if known is not None and known.word == OURS else "replay"
        session.merge(Holding(lane_id=lane, target_id=target, held="unknown", since=self.house.now, heard_at=self.house.now, word=word))

    def _alias(self, told: Case) -> None:
        with self.house.write() as session:
            lane = self._lane(session, told["integration"])
            lane.alias, lane.alias_by, lane.alias_at, lane.member_id = told["alias"], "merchant", self.house.now, None
            lane.look_at = lane.due_at = self.house.now
            session.execute(delete(Holding).where(Holding.lane_id == lane.id))

    def _seen(self, entry: Case) -> None:
        """A check found something to be otherwise than believed."""
        held = "held" if entry["cause"] == "seen_there" else "not_held"
        with self.house.write() as session:
            lane, now = self._lane(session, entry["integration"]), self.house.now
            session.merge(Holding(lane_id=lane.id, target_id=entry["target"], held=held, since=now, heard_at=now, word="check"))

    def _ended(self, entry: Case) -> None:
        """A person skipped an entry, or called off what waited."""
        with self.house.write() as session:
            lane = self._lane(session, entry["integration"])
            alike = (LogEntry.open_lane_id == lane.id, LogEntry.target_id == entry["target"], LogEntry.action == entry["action"])
            row = session.scalars(select(LogEntry).where(*alike).order_by(LogEntry.id).limit(1)).first()
            if row is not None:
                row.status, row.open_lane_id, row.finished_at = "skipped", None, self.house.now
                if not self.marks[entry["id"]]:
                    session.execute(delete(Grant).where(Grant.entry_id == row.id))
            lane.retry_at, lane.attempts = None, 0

    # ---- what workers did

    def _looked(self, entry: Case) -> None:
        """Entries ended without a call: nothing may be called now. What would be is left to the calls that are recorded."""
        if entry["integration"] in self.hands:
            return
        with self.house.write() as session:
            works = self._claim(session, entry["integration"], watch=entry["cause"] == WATCHED)
            for work in works:
                if work.seat.watch_only:
                    work.watch()
                elif work.next_call() is not None:
                    session.rollback()
                    return
            recording.record(session, [], [], works, self.house.now, self.house.new_id, 0.5)

    def _call(self, recorded: Case) -> str:
        """Plan the call that was made then, and give the recorded answer."""
        work = self.hands.pop(recorded["integration"], None)
        if work is None:
            with self.house.write() as session:
                work = next(iter(self._claim(session, recorded["integration"])), None)
        call = work.next_call() if work is not None else None
        told = _told(recorded["method"], recorded["path"], recorded["body"])
        when = f"{_time(recorded['at']):%Y-%m-%d %H:%M:%S}"
        if work is None or call is None:
            raise Differs(f"{when}  {told}\n  was made then; now nothing would be called.")
        mine = _told(call.method, _path(call), json.dumps(call.body, ensure_ascii=False) if call.body is not None else "")
        if _same(told) != _same(mine):
            raise Differs(f"{when}  {told}\n  was made then; now it would be\n  {mine}")
        self._hear(work, call, recorded)
        return f"{when}  {told}  same"

    def _hear(self, work: Work, call: Call, recorded: Case) -> None:
        answer = _answer(recorded)
        self.house.now = _time(recorded["at"])
        work.take_answer(call, answer)
        over = work.next_call() is None or self._given_back(recorded)
        made = recording.Made(work, call, answer, self.house.now)
        with self.house.write() as session:
            recording.record(session, [made], [] if over else [work], [work] if over else [], self.house.now, self.house.new_id, 0.5)
        work.is_stored()
        if not over:
            self.hands[recorded["integration"]] = work

    def _given_back(self, recorded: Case) -> bool:
        """Whether the lane was in other hands when its next call was made."""
        later = [one for one in self.calls if one["id"] > recorded["id"] and one["integration"] == recorded["integration"]]
        return not later or _time(later[0]["at"]) - _time(recorded["at"]) > LONG

    def _claim(self, session: Session, integration: int, *, watch: bool = False) -> Sequence[Work]:
        """Take the customer's lane at an integration, whether or not it is due by the engine's own dice: then it was."""
        now = self.house.now
        free = {"attention": None, "attention_at": None, "paused_at": None, "hold_until": None, "failures": 0, "watch_only": watch}
        session.execute(update(Integration).where(Integration.id == integration).values(free))
        session.execute(update(Lane).where(Lane.integration_id != integration).values(due_at=None))
        mine = Lane.integration_id == integration
        session.execute(update(Lane).where(mine).values(due_at=now, claim=None, claimed_until=None, retry_at=None))
        token, trust = f"replay {now}", timedelta(seconds=self.case["trust_seconds"])
        taken = lanes.take(session, lanes.waiting(session, now), lanes.Room(1, 1), token, now)
        works = lanes.brief(session, taken, token, now, trust)
        corrections.put_right(session, works, now, self.house.new_id)
        return works

    def _lane(self, session: Session, integration: int) -> Lane:
        customer = session.scalars(select(Customer)).one_or_none()
        if customer is None:
            number = self.house.new_id(self.house.now)
            customer = Customer(
                id=number, marketplace_id=self.house.marketplace, email=EMAIL, seen_at=self.house.now, created_at=self.house.now
            )
            session.add(customer)
            session.flush()
        return lanes.own(session, customer, integration, self.house.now, self.house.new_id)


def _answer(recorded: Case) -> Answer:
    text, status = recorded["answer"], recorded["status"]
    try:
        data = json.loads(text) if status else None
    except ValueError:
        data = None
    return Answer(status, data, text if status else "", "" if status else text, duration_ms=recorded["took_ms"])


def _path(call: Call) -> str:
    return (f"{call.path}?{urlencode(call.query)}" if call.query else call.path)[:500]


def _told(method: str, path: str, body: str) -> str:
    return f"{method} {path} {body}".rstrip()


def _same(told: str) -> Any:
    """A call, to be held against another: in whatever order its body names things."""
    method, path, *body = told.split(" ", 2)
    return method, path, json.loads(body[0]) if body else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return _time(text) if text else None


def _later(text: str | None, now: datetime) -> datetime | None:
    """When what waits is due; None for what is due at once."""
    at = _maybe(text)
    return at if at is not None and at > now else None


def main() -> int:
    """Play the case of a file. Returns 1 where a call differs, or where nothing can be said."""
    reader = argparse.ArgumentParser(
        prog="python -m simulation.replay", description="Play a case and hold its calls against the recorded ones."
    )
    reader.add_argument("case", type=Path, help="what `flask case` printed")
    case = json.loads(reader.parse_args().case.read_text(encoding="utf-8"))
    if case["missing_events"]:
        sys.stdout.write(f"{case['missing_events']} older messages are not kept any more: what followed from them is not known.\n")
    count = 0
    try:
        for line in Replay(case).play():
            sys.stdout.write(f"{line}\n")
            count += 1
    except Differs as differs:
        sys.stdout.write(f"{differs}\n\nNot the same: after {count} calls that were.\n")
        return 1
    sys.stdout.write(f"{count} calls, all the same.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
