"""`flask rotate-keys`: the old keys can go afterwards, and it says so."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select

from tests.factories import make_integration, make_marketplace
from webapp import config, create_app
from webapp.database import db, writing
from webapp.models import Integration
from webapp.vault import Vault

NEW = Fernet.generate_key().decode()


@pytest.fixture
def settings(sqlite_url: str, tmp_path_factory: pytest.TempPathFactory) -> config.Settings:
    return replace(config.load({"CARTWHEEL_VAR": str(tmp_path_factory.mktemp("var")), "DEMO": "0"}), database_url=sqlite_url)


def rotate(app: Flask) -> tuple[int, str]:
    came = app.test_cli_runner().invoke(args=["rotate-keys"])
    return came.exit_code, came.output


def test_the_old_key_can_go(settings: config.Settings) -> None:
    app = create_app(settings)
    with app.app_context(), writing() as session:
        sealed = Vault(settings.encryption_keys).seal(json.dumps({"api_key": "k"}))
        make_integration(session, make_marketplace(session), credentials=sealed)
    newer = create_app(replace(settings, encryption_keys=(NEW, *settings.encryption_keys)))
    code, said = rotate(newer)
    assert (code, said.splitlines()[0]) == (0, "1 secrets are encrypted with the newest key.")
    with newer.app_context():
        assert json.loads(Vault([NEW]).open(db.session.scalars(select(Integration.credentials)).one())) == {"api_key": "k"}
        db.engine.dispose()
    with app.app_context():
        db.engine.dispose()


def test_what_no_key_opens_is_told(settings: config.Settings) -> None:
    app = create_app(settings)
    with app.app_context(), writing() as session:
        make_integration(session, make_marketplace(session), credentials=Vault([NEW]).seal("k"))
    code, said = rotate(app)
    assert code == 1
    assert "1 could not be opened by any of ENCRYPTION_KEYS" in said
    with app.app_context():
        db.engine.dispose()
