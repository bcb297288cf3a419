"""A community that is put away and brought back answers as before."""

from __future__ import annotations

import json

from sandbox.community import Community, Fault
from tests.sandbox.conftest import Circle

ANA = "ana@example.com"


def test_everything_that_decides_the_next_answers_comes_back(circle: Circle) -> None:
    group = circle.community.add_group("VIP")
    space, tag = circle.community.add_space("VIP Room", group), circle.community.add_tag("VIP")
    circle.post("/community_members", email=ANA, name="Ana Costa", space_ids=[space], member_tag_ids=[tag])
    circle.community.add_member("ben@example.com")
    circle.community.remove_member("ben@example.com")
    circle.answers(existing_invite="409")
    circle.modes(daily_limit=1, blocked_domains=["blocked.example"], rate_calls=100)
    circle.community.push(Fault.cut().on(email=ANA, times=3))
    kept = json.loads(json.dumps(circle.community.snapshot()))

    other = Circle(circle.clock)
    other.community.restore(kept)
    assert other.community.snapshot() == circle.community.snapshot()
    assert other.community.held() == {ANA: {space, tag}}
    assert [other.post("/community_members", email=ANA).reply.cut for _ in range(4)] == [True, True, True, False]
    assert other.post("/community_members", email=ANA).status == 409
    assert other.post("/community_members", email="new@example.com").status == 403, "one came today already"
    assert other.community.add_tag("New") > tag


def test_a_snapshot_is_not_changed_by_what_comes_after(circle: Circle) -> None:
    circle.community.add_member(ANA)
    kept = circle.community.snapshot()
    circle.community.remove_member(ANA)
    circle.community.restore(kept)
    assert set(circle.community.held()) == {ANA}


def test_another_name_and_other_keys(circle: Circle) -> None:
    other = Community(circle.clock, name="Other", tokens=("sandbox-other",))
    circle.community.restore(other.snapshot())
    assert circle.get("/community").status == 401
    circle.community.add_token("sandbox-token")
    assert circle.get("/community").said["name"] == "Other"
