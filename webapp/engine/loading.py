"""How far loading an integration's catalog is, kept with the integration (`Integration.catalog`) so that every page can show it.

Somebody wants it (`want`); one worker begins it, tells how far it is, and finishes or fails. A second wish while it runs joins it. What
an app is asked, and when, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps import Item, Kind
from webapp.engine import integrations, versions
from webapp.engine.catalog import Merge, merge
from webapp.models import Integration

DEAD_AFTER = timedelta(minutes=10)
"""A load that has told nothing for so long has died with its worker."""

CALLED_FOR = timedelta(seconds=10)
"""For so long a wish is left to the worker that was called; after that the clock calls again."""


@dataclass(frozen=True)
class Progress:
    """Where a load stands. `state`: none / waiting (for a worker) / running / stalled (its worker has died) / failed / done.

    While it runs: `kind` is being loaded, `so_far` of `of` (None where the app doesn't say), `loaded` the kinds that are through.
    Afterwards: `sentence` says what changed or went wrong, `todo` what to do, `names` which ones (by new, renamed, back, gone).
    """

    state: str
    kind: str = ""
    so_far: int = 0
    of: int | None = None
    loaded: Mapping[str, int] = field(default_factory=dict)
    sentence: str = ""
    todo: str = ""
    names: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def moving(self) -> bool:
        """Whether there is something to wait for."""
        return self.state in {"waiting", "running", "stalled"}


def want(integration: Integration, now: datetime) -> bool:
    """Wish for a load. False where one is on its way already, which will do."""
    if progress(integration, now).state in {"waiting", "running"}:
        return False
    integration.catalog = {"wanted_at": now.isoformat()}
    return True


def wanted(session: Session, now: datetime) -> list[int]:
    """The integrations whose load nobody has begun, or whose worker has died: for the clock, which calls for them again."""
    rows = session.scalars(
        select(Integration).where(Integration.catalog["wanted_at"].as_string().is_not(None), Integration.deleted_at.is_(None))
    )
    return [one.id for one in rows if _overdue(one.catalog, now)]


def begin(session: Session, integration_id: int, now: datetime) -> str | None:
    """Take the load upon oneself. Returns the run, by which all that follows is told; None where nobody wants it or another does it."""
    row = session.get(Integration, integration_id, with_for_update=True)
    if row is None or row.deleted_at or not row.catalog.get("wanted_at") or _alive(row.catalog, now):
        return None
    run = now.isoformat()
    row.catalog = {**row.catalog, "run": run, "told_at": run, "kind": "", "so_far": 0, "of": None, "loaded": {}}
    return run


def tell(session: Session, integration_id: int, run: str, page: tuple[str, int, int | None], now: datetime) -> bool:
    """So far it is: a kind, how many of it, of how many. False where the run is no longer this one's, which must stop."""
    row = _running(session, integration_id, run)
    if row is None:
        return False
    kind, so_far, of = page
    loaded = {**row.catalog.get("loaded", {}), kind: so_far}
    row.catalog = {
        **row.catalog, "told_at": now.isoformat(), "kind": kind, "so_far": so_far, "of": of, "loaded": loaded,
    }  # fmt: skip
    return True


def finish(
    session: Session,
    integration_id: int,
    run: str,
    items: Iterable[Item],
    kinds: Sequence[Kind],
    now: datetime,
    new_id: Callable[[datetime], int],
) -> Merge | None:
    """Everything is there: merge it. An integration that needed attention works, as this shows. None where the run is another's."""
    row = _running(session, integration_id, run)
    if row is None:
        return None
    result = merge(session, integration_id, items, now, new_id, first=row.catalog_at is None)
    row.catalog = {"sentence": result.sentence(kinds), "names": dict(result.names)}
    row.catalog_at = now
    if row.attention is not None:
        integrations.works(session, row, now)
    versions.bump(session, row.marketplace_id)
    return result


def fail(session: Session, integration_id: int, run: str, sentence: str, todo: str, now: datetime, attention: str | None = None) -> bool:
    """It could not be loaded; what was known before stays. `attention`: the cause, where the integration can't be used at all."""
    row = _running(session, integration_id, run)
    if row is None:
        return False
    row.catalog = {"error": sentence, "todo": todo}
    if attention:
        integrations.needs_attention(session, row, attention, now)
    return True


def progress(integration: Integration, now: datetime) -> Progress:
    """Where the load of this integration's catalog stands."""
    kept = integration.catalog or {}
    if kept.get("run"):
        state = "running" if _alive(kept, now) else "stalled"
        return Progress(state, kept["kind"], kept["so_far"], kept["of"], kept["loaded"])
    if kept.get("wanted_at"):
        return Progress("waiting")
    if kept.get("error"):
        return Progress("failed", sentence=kept["error"], todo=kept.get("todo", ""))
    if kept.get("sentence"):
        return Progress("done", sentence=kept["sentence"], names=kept.get("names", {}))
    return Progress("none")


def _running(session: Session, integration_id: int, run: str) -> Integration | None:
    row = session.get(Integration, integration_id, with_for_update=True)
    return row if row is not None and row.deleted_at is None and row.catalog.get("run") == run else None


def _alive(kept: Mapping[str, Any], now: datetime) -> bool:
    told = kept.get("told_at")
    return bool(kept.get("run")) and told is not None and now - datetime.fromisoformat(told) < DEAD_AFTER


def _overdue(kept: Mapping[str, Any], now: datetime) -> bool:
    if kept.get("run"):
        return not _alive(kept, now)
    return now - datetime.fromisoformat(kept["wanted_at"]) >= CALLED_FOR
