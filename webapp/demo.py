"""The demo marketplace: the file it is made from, its owner, and what the sandbox's checkout must know to post here."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.local import made_once
from webapp.models import Source, User
from webapp.parts import Parts, parts

FILE = Path(__file__).with_name("demo.yaml")
OWNER = "owner@demo.test"
SANDBOX_KEY = "sandbox-token"
"""The key of the community in the sandbox: it opens nothing else."""

TOLD = "demo.json"
"""In var/: where the sandbox's checkout posts to, and how it signs."""


def environ(given: Mapping[str, str]) -> dict[str, str]:
    """The variables that the file needs: a password that nobody knows, since the demo is entered by its link, and the sandbox's key."""
    password = made_once(parts().settings.var / "demo_password", lambda: secrets.token_urlsafe(24))
    return {**given, "DEMO_PASSWORD": password, "DEMO_KEY": SANDBOX_KEY}


def owner(session: Session) -> int | None:
    """The id of the demo's owner."""
    return session.scalar(select(User.id).where(User.email == OWNER))


def tell_sandbox(session: Session, here: Parts, path: str) -> None:
    """Write down for the sandbox's checkout where to post and the secret. Only this user can read the file."""
    source = session.scalar(select(Source).where(Source.address == path.rsplit("/", 1)[1]))
    if source is None or source.secret is None:
        return
    told = {
        "webhook_url": f"http://127.0.0.1:{here.settings.port}{path}",
        "secret": here.vault.open(source.secret),
        "logs_url": here.settings.address,
    }
    draft = here.settings.var / f".{TOLD}"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(here.settings.var / TOLD)
