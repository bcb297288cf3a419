"""The forms that Circle's answers may have where nobody outside knows, and drawing one plausible Circle after the other."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from typing import Any

import pytest

from sandbox.answers import Answers, choices
from tests.sandbox.conftest import Circle


@pytest.mark.parametrize(
    ("form", "details"),
    [
        ("object", {"message": "Missing record: user"}),
        ("string", "Missing record: user"),
        ("array", ["Missing record: user"]),
        ("null", None),
    ],
)
def test_details_in_each_form(circle: Circle, form: str, details: Any) -> None:
    circle.answers(error_details=form)
    space = circle.community.add_space("VIP Room")
    said = circle.post("/space_members", email="ana@example.com", space_id=space).said
    assert said["error_details"] == details
    assert "user" in json.dumps(said), "the missing record is named somewhere"


def test_details_may_be_absent(circle: Circle) -> None:
    circle.answers(error_details="absent")
    said = circle.get("/community_members/4040").said
    assert "error_details" not in said
    assert said["message"] == "Missing record: community member"


def test_success_may_be_absent(circle: Circle) -> None:
    assert circle.get("/community_members/4040").said["success"] is False
    circle.answers(says_success=False)
    assert "success" not in circle.get("/community_members/4040").said


def test_the_same_seed_draws_the_same_circle_and_all_answers_are_drawn() -> None:
    assert Answers.drawn(random.Random(7)) == Answers.drawn(random.Random(7))
    drawn = [asdict(Answers.drawn(random.Random(seed))) for seed in range(200)]
    for name, values in choices().items():
        assert {one[name] for one in drawn} == set(values)


@pytest.mark.parametrize("wrong", [{"already_tagged": "202"}, {"no_such_question": "200"}, {"says_success": 1}, {"retry_after": True}])
def test_only_answers_that_exist_can_be_set(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not an answer"):
        Answers().changed(wrong)
