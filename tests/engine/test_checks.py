"""Check with the app: what it costs is said first, what it says is believed, what was other than believed is told and can be put right."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sandbox.faults import Fault
from sandbox.state import Member
from tests.engine.shop import Shop
from webapp.apps import Answer
from webapp.engine import checks, recording
from webapp.engine.entries import Refused
from webapp.engine.holdings import find_customer
from webapp.models import Call, Check, Customer, Holding, Integration, Lane, Usage

MINA = "mina@shop.test"
PLACES = (("space", "VIP Room"), ("space", "Lounge"), ("space_group", "Inner Circle"), ("event", "Kick-off"), ("tag", "Student"))
ADDS = {"space": "add_to_space", "space_group": "add_to_space_group", "event": "rsvp_to_event", "tag": "add_tag"}


class Checked:
    """A shop in which Mina holds one of each; `check` is what the page and then a worker do."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.targets = {name: shop.place(kind, name) for kind, name in PLACES}
        for kind, name in PLACES:
            shop.rule("product_purchased", ADDS[kind], self.targets[name])
        shop.tell("purchased", MINA, "ads-101", order="9001")
        shop.work()
        shop.pass_time(days=3)

    @property
    def mina(self) -> Member:
        (member,) = self.shop.community.state.members.values()
        return member

    def about(self, session: object) -> tuple[Customer, Integration]:
        customer = find_customer(session, self.shop.marketplace, MINA)  # type: ignore[arg-type]
        assert customer is not None
        return customer, session.get_one(Integration, self.shop.integration)  # type: ignore[attr-defined]

    def cost(self) -> int:
        with self.shop.write() as session:
            customer, integration = self.about(session)
            return checks.cost(session, customer.id, integration, self.shop.now)

    def want(self) -> int:
        with self.shop.write() as session:
            return checks.want(session, *self.about(session), self.shop.now, self.shop.new_id)

    def begin(self, lane: int) -> checks.Checking | None:
        with self.shop.write() as session:
            return checks.begin(session, lane, "check", self.shop.now)

    def check(self, *answers: Answer) -> checks.State:
        shop, given = self.shop, list(answers)
        checking = self.begin(self.want())
        assert checking is not None
        while call := checks.next_call(checking):
            answer = given.pop(0) if given else shop.send(call)
            checking.metered += 1
            checking.work.take_answer(call, answer)
            with shop.write() as session:
                assert checks.heard(session, checking, recording.Made(checking.work, call, answer, shop.now), shop.now, shop.new_id)
            checking.work.is_stored()
        with shop.write() as session:
            checks.finish(session, checking, shop.now, shop.new_id)
        return self.state()

    def state(self) -> checks.State:
        with self.shop.write() as session:
            return checks.of_customer(session, self.about(session)[0].id, self.shop.now)[self.shop.integration]

    def put_right(self) -> None:
        with self.shop.write() as session:
            checks.put_right(session, *self.about(session), self.shop.now)
        self.shop.work()

    def believed(self) -> dict[str, tuple[str, str]]:
        names = {target: name for name, target in self.targets.items()}
        return {names.get(row.target_id, "member"): (row.held, row.word) for row in self.shop.rows(Holding)}

    def take(self, kind: str, name: str) -> None:
        self.shop.community.state.put(self.mina, kind, [])  # type: ignore[arg-type]
        self.mina.held[kind].discard(self.shop.places[name])  # type: ignore[index]


@pytest.fixture
def checked(shop: Shop) -> Checked:
    return Checked(shop)


def test_it_costs_as_many_calls_as_were_said_and_what_is_so_stays_our_doing(checked: Checked) -> None:
    before = sum(row.metered for row in checked.shop.rows(Usage))
    assert checked.cost() == 4, "the person with their tags, all spaces in one list, the group, the event"
    state = checked.check()
    assert (state.state, state.metered, state.found, state.at) == ("done", 4, 0, checked.shop.now)
    assert sum(row.metered for row in checked.shop.rows(Usage)) - before == 4
    assert [row.path.split("?")[0] for row in checked.shop.rows(Call)][-4:] == [
        f"/community_members/{checked.mina.id}", "/community_member_spaces", "/space_group_member", "/event_attendees",
    ]  # fmt: skip
    assert set(checked.believed().values()) == {("held", "call")}
    assert {row.heard_at for row in checked.shop.rows(Holding)} == {checked.shop.now}
    lane = checked.shop.lane()
    assert (lane.claim, lane.due_at) == (None, None), "nothing is done by it"


def test_what_was_taken_in_circle_is_told_and_put_right_with_a_click(checked: Checked) -> None:
    checked.take("space", "VIP Room")
    checked.take("tag", "Student")
    state = checked.check()
    assert state.found == 2
    assert checked.believed()["VIP Room"] == checked.believed()["Student"] == ("not_held", "check")
    assert checked.believed()["Lounge"] == ("held", "call")
    assert [(entry.status, entry.sentence, entry.cause) for entry in checked.shop.entries()[-2:]] == [
        ("unchanged", "Removed by hand in Circle: the space VIP Room, seen by a check.", "seen_gone"),
        ("unchanged", "Removed by hand in Circle: the tag Student, seen by a check.", "seen_gone"),
    ]
    checked.put_right()
    assert checked.shop.holds(MINA) == {"member", *(name for _, name in PLACES)}
    assert set(checked.believed().values()) == {("held", "call")}


def test_who_left_is_in_nothing_and_one_call_tells(checked: Checked) -> None:
    checked.shop.community.state.deactivate(checked.mina)
    state = checked.check()
    assert state.metered <= 2
    assert {held for held, _ in checked.believed().values()} == {"not_held"}
    assert checked.shop.said()[-1] == ("unchanged", "Removed by hand in Circle: seen by a check of My community.")
    checked.put_right()
    assert checked.shop.holds(MINA) == {"member", *(name for _, name in PLACES)}


@pytest.mark.parametrize("removed", ["404", "200"])
@pytest.mark.parametrize("stranger", ["404", "empty"])
def test_whatever_circle_says_of_a_removed_member_nothing_is_held(checked: Checked, removed: str, stranger: str) -> None:
    answers = replace(checked.shop.community.world.answers, show_removed_member=removed, spaces_of_stranger=stranger)  # type: ignore[arg-type]
    checked.shop.community.world.answers = answers
    checked.shop.community.state.deactivate(checked.mina)
    checked.check()
    held = {name for name, (held, _) in checked.believed().items() if held == "held"}
    assert held <= {"member"}, "where Circle does not say, nothing is said of the membership"


def test_what_was_given_in_circle_is_seen(checked: Checked) -> None:
    gift = checked.shop.place("space", "Gift")
    checked.targets["Gift"] = gift
    checked.shop.community.state.put(checked.mina, "space", [checked.shop.places["Gift"]])
    assert checked.check().found == 0
    assert checked.believed()["Gift"] == ("held", "check")
    checked.put_right()
    assert "Gift" in checked.shop.holds(MINA), "what no rule ever spoke of stays as it is"


def test_somebody_who_changed_their_address_is_found_by_id(checked: Checked) -> None:
    checked.shop.community.state.rename(checked.mina, "mina@new.test")
    checked.check()
    lane = checked.shop.lane()
    assert (lane.alias, lane.alias_by) == ("mina@new.test", "learned")
    assert set(checked.believed().values()) == {("held", "call")}


def test_circle_being_down_and_a_dead_key_are_told(checked: Checked) -> None:
    checked.shop.community.push(Fault.error(503).on(times=1))
    state = checked.check()
    assert (state.state, state.sentence, state.todo) == ("failed", "Circle answered with an error (503).", "Try again later.")
    assert checked.believed()["VIP Room"] == ("held", "call")
    checked.shop.community.tokens.clear()
    assert checked.check().state == "failed"
    assert checked.shop.connection().attention == "dead_key"
    with pytest.raises(Refused, match="no longer accepts"):
        checked.want()


def test_it_waits_for_the_lane_and_the_clock_calls_for_it_again(checked: Checked) -> None:
    shop = checked.shop
    shop.tell("purchased", MINA, "alumni", order="9002")
    shop.claim()
    lane = checked.want()
    assert checked.begin(lane) is None
    with shop.write() as session:
        assert checks.wanted(session, shop.now) == []
        assert checks.wanted(session, shop.now + timedelta(seconds=10)) == [lane]
    shop.pass_time(seconds=30)
    assert checked.begin(lane) is not None
    assert checked.begin(lane) is None, "it is under way"
    assert checked.state().state == "running"
    with shop.write() as session:
        assert checks.wanted(session, shop.now + timedelta(minutes=1)) == []
        assert checks.wanted(session, shop.now + timedelta(minutes=3)) == [lane], "its worker has died"


def test_a_lane_that_backs_off_does_so_after_it_as_well(checked: Checked) -> None:
    shop = checked.shop
    later = shop.now + timedelta(hours=2)
    with shop.write() as session:
        lane = session.get_one(Lane, shop.lane().id)
        lane.retry_at, lane.attempts, lane.due_at = later, 4, later
    checked.shop.tell("purchased", MINA, "alumni", order="9002")
    checked.check()
    lane = shop.lane()
    assert (lane.retry_at, lane.attempts, lane.due_at) == (later, 4, later)


def test_a_stranger_costs_one_call(shop: Shop) -> None:
    shop.tell("purchased", MINA, "ads-101", order="9001")
    checked = Checked.__new__(Checked)
    checked.shop, checked.targets = shop, {}
    assert checked.cost() == 1
    assert checked.check().metered == 1
    assert checked.believed() == {"member": ("not_held", "check")}
    assert [row.found for row in shop.rows(Check)] == [[]]
