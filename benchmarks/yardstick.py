"""The yardstick: what one would write by hand in an afternoon, Flask that verifies and enqueues, RQ that calls. No rules, no log, no order, and
nothing is kept of what was done; it makes the same call for the same signed event.

`gunicorn benchmarks.yardstick:app` and `rq worker` run it.
"""

from __future__ import annotations

import os

import requests
from flask import Flask, request
from flask.typing import ResponseReturnValue
from redis import Redis
from rq import Queue
from standardwebhooks import Webhook, WebhookVerificationError

from benchmarks.place import Place

EVENTS = 300
"""So many are enough to measure it by."""

app = Flask(__name__)


@app.get("/healthz")
def alive() -> ResponseReturnValue:
    """It is up."""
    return "ok"


@app.post("/webhooks/benchmark")
def receive() -> ResponseReturnValue:
    """Verify the signature, have the call made later."""
    try:
        Webhook(os.environ["YARDSTICK_SECRET"]).verify(request.get_data(), dict(request.headers))
    except WebhookVerificationError:
        return "", 401
    email = request.get_json()["data"]["customer"]["email"]
    Queue(connection=Redis.from_url(os.environ["REDIS_URL"])).enqueue(invite, email)
    return "", 202


def invite(email: str) -> None:
    """The job: one call."""
    headers = {"Authorization": "Bearer benchmark-key"}
    requests.post(f"{os.environ['CIRCLE_API_URL']}/community_members", json={"email": email}, headers=headers, timeout=20)


class Yardstick(Place):
    """The same place with this program in it."""

    def program(self) -> dict[str, list[str]]:
        """As its author would start it: gunicorn with threads, and RQ's own worker."""
        self.environ["YARDSTICK_SECRET"] = self.secret
        web = ["gunicorn", "--no-control-socket", "-c", "/dev/null", "-k", "gthread", "--threads", "16", "-b", f"127.0.0.1:{self.port}"]
        return {"web": [*web, "benchmarks.yardstick:app"], "worker": ["rq", "worker", "--quiet", "--url", self.environ["REDIS_URL"]]}
