"""What is told when: once at the beginning, once at the end, and again only to whom asked for it."""

from __future__ import annotations

from datetime import timedelta

from tests.factories import NOW
from webapp.engine.alerting import FAILED, SILENT, Decision, Standing, Trouble, decide

HOUR = timedelta(hours=1)
FAILING = Trouble(FAILED, "7:refused", "3 entries have failed.", "Look.", NOW, NOW, 3)
ALERT = Standing(1, FAILING.key, told_at=NOW)


def test_a_new_trouble_is_told_once() -> None:
    begins = decide([], [FAILING], [], NOW)
    assert begins == Decision(begin=[FAILING], tell=[FAILING])
    assert decide([ALERT], [FAILING], [], NOW + HOUR) == Decision(go_on={1: FAILING})


def test_that_it_is_over_is_told_to_whoever_was_told_of_it() -> None:
    assert decide([ALERT], [], [], NOW) == Decision(over=[1], tell_over=[1])
    assert decide([Standing(1, FAILING.key)], [], [], NOW) == Decision(over=[1])
    assert decide([Standing(1, FAILING.key, NOW, acknowledged=True)], [], [], NOW).tell_over == [1]


def test_two_troubles_of_a_kind_are_two_alerts() -> None:
    other = Trouble(FAILED, "7:invalid_email", "An entry has failed.", "Look.", NOW, NOW)
    assert decide([ALERT], [FAILING, other], [], NOW) == Decision(begin=[other], go_on={1: FAILING}, tell=[other])


def test_what_is_snoozed_is_told_again_if_it_is_still_there() -> None:
    snoozed = Standing(1, FAILING.key, NOW, snoozed_until=NOW + HOUR)
    assert decide([snoozed], [FAILING], [], NOW + HOUR / 2).remind == []
    assert decide([snoozed], [FAILING], [], NOW + HOUR).remind == [1]


def test_what_is_acknowledged_is_not_told_again() -> None:
    seen_to = Standing(1, FAILING.key, NOW, acknowledged=True, snoozed_until=NOW)
    assert decide([seen_to], [FAILING], [], NOW + 24 * HOUR).remind == []


def test_a_muted_kind_is_written_down_and_told_to_nobody_until_it_is_wanted() -> None:
    assert decide([], [FAILING], [FAILED], NOW) == Decision(begin=[FAILING])
    assert decide([ALERT], [], [FAILED], NOW) == Decision(over=[1])
    assert decide([Standing(1, FAILING.key)], [FAILING], [SILENT], NOW).remind == [1]
