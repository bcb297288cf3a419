"""A file's integrations → values. Whether a key is one, the app says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from webapp.apps import Field
from webapp.apps.registry import APPS
from webapp.engine.integrations import LONGEST_NAME
from webapp.market.nodes import Complaints, Section, Text

QUOTA = re.compile(r"[1-9]\d{0,6}")
SHARE = re.compile(r"([1-9]\d?|100)%")
NEVER = "never"


@dataclass(frozen=True, slots=True)
class Connection:
    """An integration: the app, and what connecting it takes by the app's own fields. None where the file doesn't say.

    `quota` and `batch_share` are as in `models.Integration`.
    """

    name: Text
    app: Text
    given: Mapping[str, Text]
    watch_only: bool | None
    send_invitation: bool | None
    paused: bool | None
    quota: int | None
    batch_share: int | None
    line: int

    def values(self, *, secret: bool) -> dict[str, str]:
        """What the file gives of the app's fields: the secret ones, or the others."""
        return {f.key: self.given[f.key].value for f in APPS[self.app.value].fields if f.secret == secret and f.key in self.given}


def read_connection(section: Section, complaints: Complaints) -> tuple[Text | None, Connection | None]:
    """Its name, and the integration where all of it can be read."""
    name, app = section.text("name", most=LONGEST_NAME), section.choice("app", APPS)
    if app is None:
        return name, None
    fields = APPS[app.value].fields
    given = {field.key: _credential(section, field, complaints) for field in fields}
    watch_only, send_invitation, paused = (section.flag(key) for key in ("watch_only", "send_invitation", "paused"))
    quota, share = _quota(section, complaints), _share(section, complaints)
    section.nothing_else()
    if name is None or any(given[field.key] is None for field in fields if field.required):
        return name, None
    known = {key: text for key, text in given.items() if text is not None}
    return name, Connection(name, app, known, watch_only, send_invitation, paused, quota, share, section.line)


def said_of_share(batch_share: int) -> str:
    """Where batches are held, as the file says it."""
    return f"{batch_share}%" if batch_share else NEVER


def _quota(section: Section, complaints: Complaints) -> int | None:
    given = section.text("quota", required=False)
    if given is None or QUOTA.fullmatch(given.value):
        return int(given.value) if given else None
    complaints.add(given.line, "`quota` must be a number of requests a month, such as 5000.")
    return None


def _share(section: Section, complaints: Complaints) -> int | None:
    given = section.text("hold_batches_at", required=False)
    if given is None or given.value == NEVER:
        return 0 if given else None
    found = SHARE.fullmatch(given.value)
    if found is None:
        complaints.add(given.line, "`hold_batches_at` must be a share of the quota, such as 80%, or never.")
    return int(found[1]) if found else None


def _credential(section: Section, field: Field, complaints: Complaints) -> Text | None:
    """What connecting an app takes. A link is held to what the form holds it to."""
    given = section.text(field.key, required=field.required, most=500)
    if given is None or not field.link:
        return given
    address = given.value if "://" in given.value else f"https://{given.value}"
    if not _is_link(address):
        complaints.add(given.line, f"`{field.key}` is not the address of a web page.")
        return None
    return Text(address, given.line, given.shown)


def _is_link(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username and " " not in address
    except ValueError:
        return False
