"""The RQ jobs, called by their names. Each is one call; what a process needs for them is in its room (`workers.room`)."""

from __future__ import annotations

from webapp.journal import about
from workers import batches, checking, delivering, loading, watching
from workers.room import room


def work() -> None:
    """Drain the lanes."""
    here = room()
    with here.app.app_context():
        here.drain.run()


def refresh_catalog(integration_id: int) -> None:
    """Load the catalog of an integration that somebody wished for."""
    with room().app.app_context(), about(integration=integration_id):
        loading.refresh_catalog(integration_id)


def check(lane_id: int) -> None:
    """Ask an app what one customer holds there."""
    here = room()
    with here.app.app_context(), about(lane=lane_id):
        checking.check(lane_id, here.clients, here.stop)


def run_batch(batch_id: int) -> None:
    """Go on with a batch for a while."""
    with room().app.app_context(), about(batch=batch_id):
        batches.run(batch_id, room().stop)


def deliver() -> None:
    """Send what waits in the outbox."""
    with room().app.app_context():
        delivering.deliver()


def watch() -> None:
    """Look for what needs a person, and have them told."""
    with room().app.app_context():
        watching.watch()
