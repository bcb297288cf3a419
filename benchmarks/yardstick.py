"""The yardstick: what one would write by hand in an afternoon, Flask that verifies and enqueues, RQ that calls. No rules, no log, no order, and
nothing is kept of what was done; it makes the same call for the same signed event.

`gunicorn benchmarks.yardstick:app` and `rq worker` run it (RQ forks for each job, which imports this module: nothing else of ours belongs here).
"""

from __future__ import annotations

import os

import requests
from flask import Flask, request
from flask.typing import ResponseReturnValue
from redis import Redis
from rq import Queue
from standardwebhooks import Webhook, WebhookVerificationError

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
