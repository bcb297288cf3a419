"""The chore of loading an integration's catalog: all pages from the app, then one transaction that merges them. Progress is told on the way."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from functools import partial

from webapp.apps import Client, Item, Refused
from webapp.apps.counted import Counted
from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.engine import loading, usage
from webapp.engine.states import UNREADABLE
from webapp.models import Integration
from webapp.pacing import admit
from webapp.parts import Parts, parts
from webapp.vault import Sealed

PATIENCE = 300.0
"""Seconds that a page of a catalog waits at most until the pace lets its call out."""

TELL_EVERY = timedelta(milliseconds=300)
LATER = "Nothing that was known before is lost. Press Refresh to try again."
log = logging.getLogger(__name__)


def refresh_catalog(integration_id: int) -> None:
    """Load it, if somebody wished for it and nobody else does it. What goes wrong is written down with the integration."""
    here = parts()
    with writing() as session:
        run = loading.begin(session, integration_id, here.now())
    if run is None:
        return
    integration = db.session.get(Integration, integration_id)
    db.session.rollback()
    if integration is None:
        return
    try:
        credentials = {**json.loads(here.vault.open(integration.credentials)), **integration.public}
    except Sealed:
        _fail(here, integration_id, run, "Cartwheel can no longer read the API key.", UNREADABLE)
        return
    app = APPS[integration.app]
    client = Counted(app.client(here.settings.circle_api_url, credentials), partial(admit, here.pace, PATIENCE))
    try:
        items = _load(here, integration, run, client)
        if items is not None:
            with writing() as session:
                loading.finish(session, integration_id, run, items, app.kinds, here.now(), here.new_id)
    except Refused as refused:
        _fail(here, integration_id, run, refused.sentence, refused.cause or None)
    except LookupError as wrong:
        _fail(here, integration_id, run, str(wrong), None)
    finally:
        with writing() as session:
            usage.count(session, integration_id, here.now(), client.calls, client.metered)
    here.bell.ring((integration.marketplace_id,))  # what was parked for a refresh may run now


def _load(here: Parts, integration: Integration, run: str, client: Client) -> list[Item] | None:
    """Everything that the app lists; None where the run is no longer ours."""
    items: list[Item] = []
    told: datetime | None = None
    for kind, so_far, of, page in APPS[integration.app].load_catalog(client):
        items += page
        now = here.now()
        if told is None or now - told >= TELL_EVERY:
            told = now
            with writing() as session:
                if not loading.tell(session, integration.id, run, (kind, so_far, of), now):
                    return None
    return items


def _fail(here: Parts, integration_id: int, run: str, sentence: str, attention: str | None) -> None:
    with writing() as session:
        loading.fail(session, integration_id, run, sentence, LATER, here.now(), attention)
