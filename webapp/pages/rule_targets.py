"""The target picker of the rule dialog: a search over an integration's catalog, and how far the catalog is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from webapp.apps import Kind
from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.doorbell import REFRESH
from webapp.engine import integrations, loading, targets
from webapp.engine.loading import Progress
from webapp.engine.rules import kind_of
from webapp.engine.targets import Choice, Found
from webapp.models import Integration
from webapp.pages import guard
from webapp.pages.rule_answers import Answers
from webapp.parts import parts

SHOWN = 100
"""How many choices the list shows at once."""

YOURS = "Your choice"


@dataclass(frozen=True)
class Item:
    """One line of the list, as `ui.picker_list` wants it."""

    value: int
    name: Markup | str
    detail: str
    group: str
    side: str = ""


@dataclass(frozen=True)
class Picking:
    """What can be picked for an action: `kind` None where nothing is, as for the membership. `gone`: what was picked, and is no more."""

    integration: Integration
    progress: Progress
    loaded: bool
    kind: Kind | None = None
    items: tuple[Item, ...] = ()
    total: int = 0
    status: str = ""
    gone: Choice | None = None

    @property
    def app(self) -> str:
        """The name of the app that it is in."""
        return APPS[self.integration.app].name

    @property
    def legend(self) -> str:
        """What the list is called."""
        return self.kind.one.capitalize() if self.kind else ""


def picking(integration: Integration, answers: Answers, now: datetime) -> Picking | None:
    """What can be picked for these answers; None where the action is none of the integration's app."""
    app = APPS[integration.app]
    action = app.actions.get(answers.action)
    if action is None:
        return None
    progress, loaded = loading.progress(integration, now), integration.catalog_at is not None
    kind = kind_of(app, action)
    if kind is None:
        return Picking(integration, progress, loaded)
    found = targets.search(db.session(), integration.id, kind, answers.q, limit=SHOWN, chosen_id=answers.target)
    gone = found.chosen if found.chosen and found.chosen.gone else None
    return Picking(integration, progress, loaded, kind, _items(found, answers.q), found.total, _status(found, kind), gone)


def refresh(integration_id: int) -> None:
    """Have a catalog loaded anew."""
    now = parts().now()
    with writing() as session:
        integration = integrations.find(session, guard.here(), integration_id, lock=True)
        wanted = integration is not None and loading.want(integration, now)
    if wanted:
        parts().bell.chore(REFRESH, integration_id)


def _items(found: Found, text: str) -> tuple[Item, ...]:
    """The choices; what was picked stays on top also where the search hides it, unless it is gone."""
    mine = found.chosen if found.hides_chosen and found.chosen and not found.chosen.gone else None
    listed = tuple(_item(choice, text) for choice in found.choices)
    return (Item(mine.id, mine.name, mine.detail, YOURS), *listed) if mine else listed


def _item(choice: Choice, text: str) -> Item:
    return Item(choice.id, _marked(choice.name, text), choice.detail, choice.group)


def _marked(name: str, text: str) -> Markup:
    """The name with what was searched for marked in it."""
    words = sorted(text.split(), key=len, reverse=True)
    if not words:
        return Markup("").join([name])
    pieces = re.split(f"({'|'.join(map(re.escape, words))})", name, flags=re.IGNORECASE)
    return Markup("").join(Markup("<mark>{}</mark>").format(piece) if odd % 2 else piece for odd, piece in enumerate(pieces))


def _status(found: Found, kind: Kind) -> str:
    many = f"{found.total:,} {kind.one if found.total == 1 else kind.many}"
    if found.matched > len(found.choices):
        return f"The first {len(found.choices):,} of {found.matched:,} {kind.many}. Type to find others."
    return many if found.matched == found.total else f"{found.matched:,} of {many}"
