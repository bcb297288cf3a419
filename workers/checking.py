"""The chore of checking one customer with an app: call by call at the integration's pace, each written down before the next."""

from __future__ import annotations

import threading

from webapp.apps import Setback, metered
from webapp.database import writing
from webapp.engine import checks
from webapp.engine.recording import Made
from webapp.engine.states import UNREADABLE
from webapp.pacing import admit
from webapp.parts import parts
from webapp.vault import Sealed
from workers.clients import Clients

PATIENCE = 20.0
"""Seconds that a call waits for its turn among all others; then the check is given up. The lane's claim holds a little longer."""


def check(lane_id: int, clients: Clients, stop: threading.Event) -> None:
    """Check this lane's customer, if somebody wishes for it and nobody else has the lane."""
    here = parts()
    token = f"check-{here.new_id(here.now())}"
    with writing() as session:
        checking = checks.begin(session, lane_id, token, here.now())
    if checking is None:
        return
    if _ask(checking, clients, stop):
        with writing() as session:
            checks.finish(session, checking, here.now(), here.new_id)
    here.bell.ring((checking.work.seat.marketplace_id,))


def _ask(checking: checks.Checking, clients: Clients, stop: threading.Event) -> bool:
    """Make the calls. False where the lane was lost to somebody else."""
    here, work = parts(), checking.work
    try:
        client = clients.of(work.seat)
    except Sealed:
        work.setback = Setback("attention", "Cartwheel can no longer read the API key.", UNREADABLE)
        return True
    while (call := checks.next_call(checking)) is not None:
        why_not = admit(here.pace, PATIENCE, stop.wait)
        if why_not:
            work.setback = Setback("retry", why_not, "pace")
            return True
        answer = client.send(call)
        checking.metered += metered(answer.status)
        work.take_answer(call, answer)
        with writing() as session:
            ours = checks.heard(session, checking, Made(work, call, answer, here.now()), here.now(), here.new_id)
        work.is_stored()
        if not ours:
            return False
    return True
