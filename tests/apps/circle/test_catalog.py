"""Connecting a community and listing what is in it: against the sandbox over HTTP, and against answers that no good server gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.community import Community, Fault
from sandbox.modes import Modes
from sandbox.server import CommunityServer, running
from webapp.apps import Answer, Call, Client, Item, Refused
from webapp.apps.circle import CIRCLE
from webapp.apps.circle.catalog import TRIES

KEY = "sandbox-token"


@pytest.fixture
def server() -> Iterator[CommunityServer]:
    with running(Community(lambda: datetime.now(UTC), name="Alumni Club", tokens=(KEY,))) as server:
        yield server


def client(server: CommunityServer, key: str = KEY) -> Client:
    return CIRCLE.client(server.api_url, {"api_key": key, "community_url": ""})


class Told:
    """A client that is told what to answer."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.calls = list(answers), list[Call]()

    def send(self, call: Call) -> Answer:
        self.calls.append(call)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def page(records: list[Any], *, more: bool = False, **fields: Any) -> Answer:
    return Answer(
        200, {"page": 1, "per_page": 100, "has_next_page": more, "count": len(records), "page_count": 7, "records": records, **fields}, "…"
    )


# ---- connect


def test_a_good_key_tells_whose_it_is(server: CommunityServer) -> None:
    community = CIRCLE.connect(client(server))

    assert community.name == "Alumni Club"
    assert community.remote_id == "1"
    assert [f"{call.method} {call.path}" for call in server.community.calls] == ["GET /community"]


@pytest.mark.parametrize(("modes", "sentence", "cause"), [
    (Modes(key="dead"), "Circle does not accept this API key: it was deleted, or it is a token of another type.", "dead_key"),
    (Modes(key="wrong_kind"), "Circle knows no such token of type Admin V2: a part of it is missing, or it is a token of another type.", "dead_key"),
    (Modes(plan_without_api=True), "The Circle plan of this community does not include the API.", "no_api_plan"),
    (Modes(rate_calls=0), "Circle asked for a pause: many calls in a short time.", ""),
], ids=["dead", "wrong kind", "no plan", "pause"])  # fmt: skip
def test_what_is_wrong_is_said_in_plain_words(server: CommunityServer, modes: Modes, sentence: str, cause: str) -> None:
    server.community.modes = modes

    with pytest.raises(Refused) as refused:
        CIRCLE.connect(client(server))

    assert (refused.value.field, refused.value.sentence, refused.value.cause) == ("api_key", sentence, cause)
    assert refused.value.todo
    assert KEY not in refused.value.sentence + refused.value.todo


@pytest.mark.parametrize(("answer", "sentence"), [
    (Answer(0, error="Circle could not be reached: no connection to x.", sent=False), "Circle could not be reached: no connection to x."),
    (Answer(404, {"message": "Not Found"}, "…"), "Circle does not take this token for its Admin API V2: “Not Found”"),
    (Answer(401, {"message": "Nope"}, "…"), "Circle does not take this token for its Admin API V2: “Nope”"),
    (Answer(200, None, "<html>Log in</html>"), "A web page came instead of an answer of Circle's API (status 200)."),
    (Answer(404, None, "<html>Not here</html>"), "A web page came instead of an answer of Circle's API (status 404)."),
    (Answer(503, None, ""), "Circle answered with an error of its own (503)."),
    (Answer(301, None, ""), "Circle's address answered with a redirect (301), which is not followed."),
    (Answer(200, {"message": "Hello"}, "…"), "Circle's answer says nothing of a community."),
    (Answer(403, {"errors": "Not from here"}, "…"), "Circle refused: “Not from here”"),
])  # fmt: skip
def test_anything_else_is_said_as_well(answer: Answer, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        CIRCLE.connect(Told(answer))

    assert refused.value.sentence == sentence


# ---- the lists


def test_all_pages_of_all_lists_are_loaded(server: CommunityServer) -> None:
    circle = server.community
    club = circle.add_group("Club")
    spaces = [circle.add_space(f"Space {number}", club if number % 2 else None) for number in range(205)]
    event, tag = circle.add_event("Launch Party"), circle.add_tag("Fan")

    pages = list(CIRCLE.load_catalog(client(server)))

    items = {item for *_, found in pages for item in found}
    assert {item for item in items if item.kind == "space"} == {
        Item("space", str(remote), f"Space {number}", str(club) if number % 2 else None) for number, remote in enumerate(spaces)
    }
    assert items >= {Item("space_group", str(club), "Club"), Item("event", str(event), "Launch Party"), Item("tag", str(tag), "Fan")}
    assert [page[:3] for page in pages] == [
        ("space", 100, 205), ("space", 200, 205), ("space", 205, 205), ("space_group", 1, 1), ("event", 1, 1), ("tag", 1, 1),
    ]  # fmt: skip
    assert all(call.query["per_page"] == "100" for call in circle.calls)
    assert circle.violations == []


def test_an_empty_community_is_four_empty_lists(server: CommunityServer) -> None:
    assert list(CIRCLE.load_catalog(client(server))) == [(kind.key, 0, 0, []) for kind in CIRCLE.kinds]


def test_only_has_next_page_ends_a_list() -> None:
    told = Told(page([{"id": 1, "name": "A"}], more=True), page([{"id": 2, "name": "B"}]), page([]))

    assert [item.name for *_, items in CIRCLE.load_catalog(told) for item in items] == ["A", "B"]
    assert [dict(call.query)["page"] for call in told.calls] == ["1", "2", "1", "1", "1"]


def test_what_comes_twice_is_listed_once_and_what_has_no_name_gets_one() -> None:
    told = Told(
        page([{"id": 1, "name": "A"}, {"id": 2, "name": " "}], more=True), page([{"id": 1, "name": "A"}, {"id": 3, "name": None}]), page([])
    )

    assert [item.name for *_, items in CIRCLE.load_catalog(told) for item in items] == ["A", "Without a name (2)", "Without a name (3)"]


def test_a_list_that_goes_round_is_given_up() -> None:
    told = Told(page([{"id": 1, "name": "A"}], more=True))

    with pytest.raises(LookupError, match="Circle's list of spaces goes round in a circle"):
        list(CIRCLE.load_catalog(told))
    assert len(told.calls) == 2


@pytest.mark.parametrize("fault", [Fault.error(502), Fault.cut(), Fault.page()], ids=lambda fault: fault.kind)
def test_a_passing_failure_of_a_page_is_passed_over(server: CommunityServer, fault: Fault) -> None:
    server.community.add_space("VIP Room")
    server.community.push(fault.on(path="/spaces", times=TRIES - 1))

    assert any(item.name == "VIP Room" for *_, items in CIRCLE.load_catalog(client(server)) for item in items)


def test_a_failure_that_stays_ends_the_load(server: CommunityServer) -> None:
    server.community.push(Fault.error(502).on(path="/events", times=TRIES))

    with pytest.raises(LookupError, match=r"Circle answered with an error of its own \(502\)\."):
        list(CIRCLE.load_catalog(client(server)))


@pytest.mark.parametrize(("modes", "cause"), [(Modes(key="dead"), "dead_key"), (Modes(plan_without_api=True), "no_api_plan")])
def test_a_key_that_dies_meanwhile_is_told_apart(server: CommunityServer, modes: Modes, cause: str) -> None:
    server.community.modes = modes

    with pytest.raises(Refused) as refused:
        list(CIRCLE.load_catalog(client(server)))

    assert refused.value.cause == cause
    assert cause in CIRCLE.troubles
    assert len(server.community.calls) == 1


@pytest.mark.parametrize("data", [None, [], {"records": None}, {"records": "x"}, {}])
def test_what_is_no_list_ends_the_load(data: Any) -> None:
    with pytest.raises(LookupError):
        list(CIRCLE.load_catalog(Told(Answer(200, data, "…"))))
