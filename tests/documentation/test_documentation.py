"""What the documentation says is so: its example is accepted, its file can be applied, its names and links lead somewhere."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.factories import NOW, make_marketplace, new_id
from tests.pages.conftest import Write
from webapp.config import ROOT
from webapp.engine.triggers import TRIGGERS
from webapp.market.reading import read
from webapp.models import Source
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret
from webapp.sources.cartwheel_format import TYPES

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
FILE = re.compile(r"`((?:webapp|workers|embedded|sandbox|simulation|benchmarks|migrations|tests|templates|static)/[\w./]*)(?:::\w+)?`")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall((ROOT / page).read_text()) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_are_there(page: Path) -> None:
    text = page.read_text()
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    missing += [name for name in FILE.findall(text) if not (ROOT / name).exists()]
    assert missing == []


def test_the_example_of_a_signed_message_is_accepted(
    app: Flask, client: FlaskClient, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = new_secret()
    with write() as session:
        shop = make_marketplace(session)
        sealed = parts().vault.seal(secret)
        session.add(Source(id=new_id(), marketplace_id=shop.id, kind="cartwheel", address="here", secret=sealed, created_at=NOW))
    answers: list[Any] = []

    def post(address: str, data: str, headers: dict[str, str], timeout: float) -> SimpleNamespace:
        answers.append(client.post(address, data=data, headers=headers))
        return SimpleNamespace(raise_for_status=lambda: None)

    monkeypatch.setattr(requests, "post", post)
    (example,) = blocks("docs/webhook.md", "python")
    with time_machine.travel(NOW.astimezone(UTC), tick=False):
        exec(example, {"SECRET": secret, "ADDRESS": "/webhooks/here"})
    assert [(answer.status_code, answer.json["entries"]) for answer in answers] == [(202, 1)]


def test_every_type_of_message_is_described_and_no_other() -> None:
    table = (ROOT / "docs" / "webhook.md").read_text().partition("## Messages")[2]
    first_cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    told = [name for cell in first_cells for name in re.findall(r"`([\w.]+)`", cell)]
    assert sorted(f"subscription{name}" if name.startswith(".") else name for name in told) == sorted(TYPES)
    labels = {trigger.label.removeprefix("Subscription ") for trigger in TRIGGERS.values()}
    assert {label for label in labels if label not in table} == set()


def test_the_readmes_file_can_be_applied() -> None:
    (market,) = blocks("README.md", "yaml")
    _, complaints = read(market, "market.yaml", {"OWNER_PASSWORD": "a long enough password", "CIRCLE_KEY": "a key"})
    assert str(complaints) == ""


def test_the_readmes_commands_are_there(app: Flask) -> None:
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"flask --app wsgi ([\w-]+)", text))
    assert named <= set(app.cli.list_commands(None))  # type: ignore[arg-type]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert (
        set(re.findall(r"\bmake (run|test|lint|bench|[a-z]+)\b", " ".join(re.findall(r"^    .*make .*$", text, re.MULTILINE)))) <= targets
    )


def test_every_promise_names_the_tests_that_hold_it() -> None:
    rows = [row for row in (ROOT / "docs" / "promises.md").read_text().splitlines() if row.startswith("| ") and not row.startswith("| ---")]
    held = {row: TEST.findall(row) for row in rows[1:]}
    assert [row for row, tests in held.items() if not tests] == []
    missing = {f"{path}::{name}" for tests in held.values() for path, name in tests if not is_test(path, name)}
    assert missing == set()


def is_test(path: str, name: str) -> bool:
    file = ROOT / path
    return file.exists() and re.search(rf"^def {name}\(", file.read_text(), re.MULTILINE) is not None
