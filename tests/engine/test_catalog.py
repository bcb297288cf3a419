"""What a load of the catalog changes: nothing is deleted, and the sentence says what the merchant wants to know."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.engine.an_app import KINDS
from tests.factories import NOW, make_integration, make_marketplace, make_rule, make_target, new_id
from webapp.apps import Item
from webapp.engine.catalog import NAMES_KEPT, Merge, contents, merge, told
from webapp.models import Integration, Target


@pytest.fixture
def integration(session: Session) -> Integration:
    made = make_integration(session, make_marketplace(session))
    make_target(session, made, "membership")
    return made


def load(session: Session, integration: Integration, *items: Item, first: bool = False) -> Merge:
    return merge(session, integration.id, items, NOW, lambda _: new_id(), first=first)


def space(number: int, name: str | None = None, group: str | None = None) -> Item:
    return Item("space", str(number), name or f"Space {number}", group)


def living(session: Session, integration: Integration) -> list[tuple[str, str, str | None]]:
    rows = select(Target).where(Target.integration_id == integration.id, Target.gone_at.is_(None), Target.kind != "membership")
    return sorted((t.kind, t.name, t.group) for t in session.scalars(rows))


def test_the_first_load_is_told_by_kind(session: Session, integration: Integration) -> None:
    items = [space(1, group="7"), space(2), Item("space_group", "7", "Courses"), Item("tag", "1", "VIP")]
    merged = load(session, integration, *items, first=True)
    assert merged.sentence(KINDS) == "Loaded: 2 spaces, 1 space group, 1 tag."
    assert living(session, integration) == [
        ("space", "Space 1", "7"),
        ("space", "Space 2", None),
        ("space_group", "Courses", None),
        ("tag", "VIP", None),
    ]


def test_an_empty_community_says_so(session: Session, integration: Integration) -> None:
    assert load(session, integration, first=True).sentence(KINDS) == "There is nothing to pick there yet."


def test_the_same_again_changes_nothing(session: Session, integration: Integration) -> None:
    load(session, integration, space(1))
    before = [t.id for t in session.scalars(select(Target))]
    assert load(session, integration, space(1)).sentence(KINDS) == "Nothing has changed."
    assert [t.id for t in session.scalars(select(Target))] == before


def test_who_is_not_listed_is_gone_and_comes_back_as_the_same(session: Session, integration: Integration) -> None:
    load(session, integration, space(1), space(2))
    target = session.scalars(select(Target).where(Target.remote_id == "2")).one()
    make_rule(session, target)
    make_rule(session, target, action="remove_from_space")
    make_rule(session, target, action="add_to_space", deleted_at=NOW)
    assert load(session, integration, space(1)).sentence(KINDS) == "1 space gone: 2 rules are broken now."
    assert target.gone_at == NOW
    assert load(session, integration, space(1)).sentence(KINDS) == "Nothing has changed."
    assert load(session, integration, space(1), space(2)).sentence(KINDS) == "1 space back again: 2 rules work again."
    assert target.gone_at is None


def test_the_membership_is_never_gone(session: Session, integration: Integration) -> None:
    load(session, integration, space(1))
    load(session, integration)
    membership = session.scalars(select(Target).where(Target.kind == "membership")).one()
    assert membership.gone_at is None


def test_a_new_name_and_a_new_group(session: Session, integration: Integration) -> None:
    load(session, integration, space(1, "Old"))
    merged = load(session, integration, space(1, "New", "7"))
    assert merged.sentence(KINDS) == "1 space renamed."
    assert merged.names == {"renamed": ["Old → New"]}
    assert living(session, integration) == [("space", "New", "7")]
    assert load(session, integration, space(1, "New")).sentence(KINDS) == "Nothing has changed."
    assert living(session, integration) == [("space", "New", None)]


def test_the_same_id_of_another_kind_is_another_target(session: Session, integration: Integration) -> None:
    load(session, integration, space(1), Item("tag", "1", "VIP"))
    assert len(living(session, integration)) == 2


def test_other_integrations_are_left_alone(session: Session, integration: Integration) -> None:
    other = make_integration(session, make_marketplace(session))
    load(session, other, space(1))
    assert load(session, integration, space(1)).counts["space", "new"] == 1
    assert living(session, other) == [("space", "Space 1", None)]


def test_a_name_that_is_too_long_is_cut_and_stays_as_it_is(session: Session, integration: Integration) -> None:
    load(session, integration, space(1, "x" * 400))
    assert load(session, integration, space(1, "x" * 400)).sentence(KINDS) == "Nothing has changed."


def test_a_few_names_are_kept_for_the_reader(session: Session, integration: Integration) -> None:
    merged = load(session, integration, *(space(n) for n in range(NAMES_KEPT + 5)))
    assert len(merged.names["new"]) == NAMES_KEPT
    assert merged.counts["space", "new"] == NAMES_KEPT + 5


@pytest.mark.parametrize(
    ("changes", "broken", "mended", "sentence"),
    [
        ([("space", "new")] * 3 + [("space", "gone")], 2, 0, "3 new spaces, 1 gone: 2 rules are broken now."),
        ([("space", "new")], 0, 0, "1 new space."),
        ([("tag", "gone")], 1, 0, "1 tag gone: 1 rule is broken now."),
        ([("space", "gone"), ("tag", "new")], 0, 0, "1 space gone, 1 new tag."),
        ([("event", "back")] * 2, 0, 1, "2 events back again: 1 rule works again."),
        ([("event", "back"), ("event", "gone")], 1, 2, "1 event back again, 1 gone: 1 rule is broken now, 2 work again."),
        ([("space", "new")] * 1200, 0, 0, "1,200 new spaces."),
        ([], 0, 0, "Nothing has changed."),
    ],
)
def test_sentences(changes: Sequence[tuple[str, str]], broken: int, mended: int, sentence: str) -> None:
    merged = Merge(first=False, broken=broken, mended=mended)
    for kind, what in changes:
        merged.note(what, kind, "")  # type: ignore[arg-type]
    assert merged.sentence(KINDS) == sentence


def test_contents_count_what_is_there(session: Session, integration: Integration) -> None:
    load(session, integration, space(1), space(2), Item("tag", "1", "VIP"))
    load(session, integration, space(1), Item("tag", "1", "VIP"))
    bare = make_integration(session, make_marketplace(session))
    assert contents(session, [integration.id, bare.id]) == {integration.id: {"space": 1, "tag": 1}, bare.id: {}}
    assert told({"space": 34, "tag": 1}, KINDS) == "34 spaces, 1 tag"
    assert told({}, KINDS) == ""
