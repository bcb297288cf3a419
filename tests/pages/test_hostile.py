"""The webhook addresses under fire: whatever comes, they give one of the documented answers, and keep nothing of it in memory.

`make test` fires some hundred requests of a new seed, `make fuzz` a hundred thousand (SEED=n REQUESTS=n).
"""

from __future__ import annotations

import gc
import os
import resource
from collections import Counter
from datetime import timedelta
from random import SystemRandom

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import factories
from tests.pages.conftest import Clock, Write
from tests.pages.hostile import Hostile, Sent
from webapp.models import Source
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret

SEED = int(os.environ.get("SEED") or SystemRandom().randrange(10**9))
REQUESTS = int(os.environ.get("REQUESTS") or 300)
DOCUMENTED = {"cartwheel": {200, 202, 400, 401, 413, 415, 422}, "samcart": {200, 413}}
GROWTH = 64 * 1024
"""Kilobytes: what the process may have grown by after a hundred thousand requests, once it is warm. A leak of a body each would be gigabytes."""

APART = timedelta(milliseconds=20)
"""Between two requests, so that the marketplace's allowance is not what answers."""


@pytest.fixture
def secret(write: Write) -> str:
    """Of an address `own`; beside it SamCart's `sam`."""
    made = new_secret()
    with write() as session:
        shop = factories.make_marketplace(session)
        sealed = parts().vault.seal(made)
        for kind, address, kept in (("cartwheel", "own", sealed), ("samcart", "sam", None)):
            session.add(
                Source(id=factories.new_id(), marketplace_id=shop.id, kind=kind, address=address, secret=kept, created_at=factories.NOW)
            )
    return made


@pytest.mark.parametrize("kind", ["cartwheel", "samcart"])
def test_only_the_documented_answers(app: Flask, client: FlaskClient, clock: Clock, secret: str, kind: str) -> None:
    hostile, came = Hostile(SEED, secret), Counter[int]()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.testing = False  # what is unforeseen is a 500 here, as it is outside
    before = 0
    for number in range(REQUESTS // 2):
        clock.time += APART
        sent = hostile.own(clock()) if kind == "cartwheel" else hostile.samcart()
        status = fire(client, "own" if kind == "cartwheel" else "sam", sent)
        came[status] += 1
        assert status in DOCUMENTED[kind], f"SEED={SEED} request {number} got {status}: {sent.body[:300]!r} {sent.headers} {sent.trigger!r}"
        if number == REQUESTS // 4:
            before = memory()
    assert memory() - before < GROWTH, f"SEED={SEED}"
    assert len(came) > 1


def fire(client: FlaskClient, address: str, sent: Sent) -> int:
    answer = client.post(f"/webhooks/{address}", data=sent.body, headers=sent.headers, query_string={"trigger": sent.trigger})
    return answer.status_code


def memory() -> int:
    """The most that the process has ever held, in kilobytes."""
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
