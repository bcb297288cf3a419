"""Names of others in our addresses: a product id or an e-mail address may hold slashes, dots, spaces, any letter. No page lives here."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.routing import BaseConverter


class Whole(BaseConverter):
    """The whole rest of a path, slashes and all. Its route says `merge_slashes=False`, so that two slashes stay two."""

    regex = "(?s:.+)"
    part_isolating = False


def allow(pages: Blueprint) -> None:
    """Let a blueprint's routes, from here on, say `<whole:name>`."""
    pages.record(lambda state: state.app.url_map.converters.update(whole=Whole))


def can_stand(name: str) -> bool:
    """Whether a browser leaves the name as it is in a path: a part that is only one or two dots it would take out."""
    return all(part not in {".", ".."} for part in name.split("/"))
