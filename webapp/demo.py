"""The demo marketplace: the file it is made from, its owner, and what the sandbox's checkout must know to post here."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.engine.accounts import OWN_FORMAT
from webapp.models import Role, Source, User
from webapp.parts import Parts

FILE = Path(__file__).with_name("demo.yaml")
OWNER = "owner@demo.test"
SANDBOX_KEY = "sandbox-token"
"""The key of the community in the sandbox: it opens nothing else."""

TOLD = "demo.json"
"""In var/: where the sandbox's checkout posts to, and how it signs."""

CIRCLE = "circle.so"


def why_not(settings: Settings) -> str | None:
    """Why there can be no demo here, in a sentence: where it is not wanted, or would call the real Circle."""
    host = urlsplit(settings.circle_api_url).hostname or ""
    if not settings.demo:
        return "There is no demo here: DEMO is 0."
    if host == CIRCLE or host.endswith(f".{CIRCLE}"):
        return "There is no sandbox here that the demo could be connected to. `make run` brings one."
    return None


def environ(settings: Settings) -> dict[str, str]:
    """The variables that the file needs: a password that nobody knows, since the demo is entered by its link, and the sandbox's key and pages."""
    sandbox = urlsplit(settings.circle_api_url)
    pages = f"{sandbox.scheme}://{sandbox.netloc}/community"
    return {"DEMO_PASSWORD": secrets.token_urlsafe(32), "DEMO_KEY": SANDBOX_KEY, "DEMO_COMMUNITY": pages}


def owner(session: Session) -> int | None:
    """The id of the demo's owner: whether the demo was ever made."""
    return session.scalar(select(User.id).where(User.email == OWNER))


def tell_sandbox(session: Session, here: Parts) -> None:
    """Write down for the sandbox's checkout where to post and the secret. Nobody but this user can read the file.

    A demo that was deleted leaves nothing behind that the checkout could post to.
    """
    theirs = select(Role.marketplace_id).join(User, User.id == Role.user_id).where(User.email == OWNER)
    own = select(Source).where(Source.marketplace_id.in_(theirs), Source.kind == OWN_FORMAT).order_by(Source.id).limit(1)
    source = session.scalar(own)
    file = here.settings.var / TOLD
    if source is None or source.secret is None:
        file.unlink(missing_ok=True)
        return
    url = f"http://127.0.0.1:{here.settings.port}/webhooks/{source.address}"
    _write(file, json.dumps({"webhook_url": url, "secret": here.vault.open(source.secret)}))


def _write(file: Path, text: str) -> None:
    """The file is replaced whole."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as made:
        made.write(text)
    draft.replace(file)
