"""Whichever of the plausible Circles it is: each of the ten actions ends right, within a bounded number of calls, every call as described."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.answers import Answers, choices
from sandbox.community import Fault
from tests.apps.circle.play import BASIC, CLUB, FAN, LOUNGE, ME, MINA, PARTY, VIP, Place, Work, member, nobody, want
from webapp.apps import Call, Known
from webapp.apps.circle import CIRCLE

NEW = "new@shop.test"
TARGETS = (ME, VIP, CLUB, PARTY, FAN)
MOST_CALLS = 7

STATES = ("stranger", "out", "in", "removed", "renamed in", "renamed out")
"""Who the customer is in Circle: never heard of · a member without the target, or with it · removed · a member under another address."""

BELIEFS = ("nothing", "member", "member by id", "held by id", "long ago")
CIRCLES = [Answers()] + [Answers().changed({name: value}) for name, values in choices().items() for value in values[1:]]


@dataclass(frozen=True)
class Case:
    """One action, on one target, for a customer of whom something is so and something believed."""

    key: int
    adds: bool
    state: str
    belief: str
    deleted: bool

    @property
    def address(self) -> str:
        return NEW if self.state.startswith("renamed") else MINA

    @property
    def has_id(self) -> bool:
        return "id" in self.belief or self.belief == "long ago"

    def begin(self, place: Place) -> Known:
        member_id = self._people(place)
        if self.deleted:
            place.delete(self.key)
        stale = [self.key] if self.belief == "held by id" and self.key != ME else []
        if self.belief == "nothing":
            return nobody()
        return member(member_id if self.has_id else None, fresh=self.belief != "long ago", stale=stale)

    def _people(self, place: Place) -> str | None:
        if self.state == "stranger":
            return None
        inside = self.state in ("in", "removed", "renamed in") and self.key != ME
        member_id = place.join(*([self.key] if inside else []))
        if self.state == "removed":
            place.circle.remove_member(MINA)
        if self.address != MINA:
            place.circle.change_email(MINA, NEW)
        return member_id


def cases() -> Iterator[Case]:
    for key, adds, state, belief, deleted in product(TARGETS, (True, False), STATES, BELIEFS, (False, True)):
        case = Case(key, adds, state, belief, deleted)
        believed_in_vain = key == ME and adds and belief in ("member", "member by id", "held by id")  # fresh: nothing is called
        if not (deleted and key == ME) and not (state == "stranger" and case.has_id) and not believed_in_vain:
            yield case


def play(case: Case, answers: Answers) -> tuple[Place, Work]:
    place = Place()
    place.circle.answers = answers
    known = case.begin(place)
    asked = want(place.targets, hold=[case.key] if case.adds else [], drop=[] if case.adds else [case.key])
    work = place.work(asked, known)
    assert work.setback is None
    assert place.circle.violations == []
    assert len(work.calls) <= MOST_CALLS
    return place, work


def check(case: Case, place: Place, work: Work) -> None:
    outcome, held = work.outcomes[case.key], place.held(case.address)
    if case.deleted:
        assert outcome == "broken" if case.adds else outcome in ("broken", "already")
    elif case.adds:
        assert outcome in ("done", "already")
        _check_add(case, place)
    else:
        assert outcome in ("done", "already")
        if case.address == MINA or (
            case.has_id and (case.belief == "held by id" or case.key in (ME, VIP))
        ):  # the others' refusals don't tell
            assert held is None or (case.key != ME and case.key not in held)


def _check_add(case: Case, place: Place) -> None:
    """Under their own address; where nobody could know that they have changed it, under the one that they bought with."""
    unknowable = case.address != MINA and not case.has_id
    held = place.held(MINA if unknowable else case.address)
    assert held is not None
    assert case.key == ME or case.key in held
    if not unknowable and case.address != MINA:
        assert place.held(MINA) is None


def name(answers: Answers) -> str:
    changed = [f"{key}={getattr(answers, key)}" for key in choices() if getattr(answers, key) != getattr(Answers(), key)]
    return ", ".join(changed) or "default"


@pytest.mark.parametrize("answers", CIRCLES, ids=name)
def test_each_action_ends_right_whatever_circle_answers(answers: Answers) -> None:
    for case in cases():
        if not _untold(case, answers):
            check(case, *play(case, answers))


@given(st.randoms(use_true_random=False), st.sampled_from(list(cases())))
def test_any_mixture_of_answers_ends_right(dice: random.Random, case: Case) -> None:
    answers = Answers.drawn(dice)
    if not _untold(case, answers):
        check(case, *play(case, answers))


@given(st.randoms(use_true_random=False), st.sampled_from(list(cases())), st.booleans(), st.sampled_from(["error", "cut", "empty", "page"]))
def test_a_lost_answer_changes_no_end(dice: random.Random, case: Case, applied: bool, kind: str) -> None:
    """Any call's answer is lost, whether Circle had done it or not; then the work is taken up again."""
    answers = Answers.drawn(dice).changed(UNTOLD_NOT)
    if kind == "empty" and not applied:
        return  # a right status without a body, for nothing at all, is no lost answer but a lie
    place = Place()
    place.circle.answers = answers
    known = case.begin(place)
    asked = want(place.targets, hold=[case.key] if case.adds else [], drop=[] if case.adds else [case.key])
    nth = dice.randrange(3)
    place.circle.push(*_faults(kind, applied, nth))
    work = place.work(asked, known)
    for _ in range(3):
        if work.setback is None:
            break
        assert work.setback.lost
        work = place.work(asked, replace(work.known, tried=frozenset()))
    check(case, place, work)


UNTOLD_NOT = {"existing_invite": "201_message", "invite_deleted_id": "404"}
"""Circles whose answers to an invite tell what it did; see `_untold`."""


def _faults(kind: str, applied: bool, nth: int) -> list[Fault]:
    """The same for one of the writing calls: the first fault that fits comes first, so it is aimed at one method."""
    made = {
        "error": Fault.error(502, applied=applied),
        "cut": Fault.cut(applied=applied),
        "empty": Fault.empty(),
        "page": Fault.page(applied=applied),
    }
    return [made[kind].on(("POST", "DELETE", "GET")[nth])]


def _untold(case: Case, answers: Answers) -> bool:
    """An invite that was answered as for a new member, though it was none or came without a place, and nothing in the answer shows it."""
    invited = case.adds and case.key in (VIP, CLUB)
    return invited and (answers.existing_invite == "201_plain" or (case.deleted and answers.invite_deleted_id == "ignored"))


@pytest.mark.parametrize("key", [VIP, CLUB, FAN])
def test_a_plain_201_for_a_member_of_old_is_seen_by_the_members_record(key: int) -> None:
    """Circle's records say when somebody has come [A]; the sandbox's don't, so it is told here."""
    place = Place()
    place.circle.answers = Answers(existing_invite="201_plain")
    place.join()
    asked = want(place.targets, hold=[ME, key])
    work = Work(asked, nobody())
    invite = _next(work)
    answer = place.send(invite)
    answer.data["community_member"]["accepted_invitation"] = "2026-01-03 16:20:19 UTC"
    work.take(invite, answer)

    after = place.work(asked, work.known)

    assert place.held() == {key}
    assert after.outcomes[key] == "done"


def test_a_deleted_place_among_others_that_an_invite_ignores_is_seen_by_what_it_lists() -> None:
    place = Place()
    place.circle.answers = Answers(invite_deleted_id="ignored")
    place.delete(VIP)
    place.delete(FAN)

    work = place.work(want(place.targets, hold=[ME, VIP, LOUNGE, FAN]))

    assert work.outcomes == {ME: "done", VIP: "broken", LOUNGE: "done", FAN: "broken"}


@given(st.data())
def test_what_is_asked_is_what_is_held_in_the_end(data: st.DataObject) -> None:
    """Any wishes at once, of any customer, with beliefs that may be long out of date."""
    place = Place()
    place.circle.answers = Answers.drawn(data.draw(st.randoms(use_true_random=False))).changed(UNTOLD_NOT)
    keys = [VIP, BASIC, LOUNGE, CLUB, PARTY, FAN]
    had = data.draw(st.none() | st.sets(st.sampled_from(keys)))
    member_id = None if had is None else place.join(*sorted(had))
    hold = data.draw(st.sets(st.sampled_from(keys)))
    drop = data.draw(st.sets(st.sampled_from([key for key in keys if key not in hold] or [VIP]))) - hold
    leaves = not hold and data.draw(st.booleans())
    asked = want(place.targets, hold=sorted(hold), drop=sorted(drop | ({ME} if leaves else set())))
    known = data.draw(st.sampled_from([nobody(), member(), member(member_id), member(member_id, fresh=False, stale=sorted(had or ()))]))

    work = place.work(asked, known)

    held = place.held() or set()
    assert hold <= held
    assert not drop & held
    assert not leaves or place.held() is None
    assert set(work.outcomes.values()) <= {"done", "already"}
    assert held - (had or set()) <= hold
    if CLUB not in drop:
        assert (had or set()) - drop <= held or leaves or had is None
    assert place.circle.violations == []


def _next(work: Work) -> Call:
    return CIRCLE.plan(work.want, work.known)[0]
