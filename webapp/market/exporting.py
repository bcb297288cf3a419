"""Write a marketplace as the file that `apply` takes. Secrets are not in it: variables of the environment stand in their places."""

from __future__ import annotations

import re
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.engine.rules import default_removal
from webapp.engine.triggers import TRIGGERS
from webapp.models import PAID_PERIOD, Integration, Marketplace, Product, Role, Rule, Source, Target, User


def export(session: Session, marketplace: Marketplace) -> str:
    """The file's text."""
    owner = session.scalar(
        select(User.email).join(Role, Role.user_id == User.id).where(Role.marketplace_id == marketplace.id, Role.role == "owner").limit(1)
    )
    others = session.scalars(select(Source.kind).where(Source.marketplace_id == marketplace.id, Source.kind != "cartwheel")).all()
    living = (Integration.marketplace_id == marketplace.id, Integration.deleted_at.is_(None))
    integrations = session.scalars(select(Integration).where(*living).order_by(Integration.name)).all()
    products = session.scalars(
        select(Product).where(Product.marketplace_id == marketplace.id, Product.archived_at.is_(None)).order_by(Product.external_id)
    ).all()
    said: dict[str, Any] = {
        "marketplace": marketplace.name,
        "time_zone": marketplace.time_zone,
        "owner": {"email": owner or "", "password": "${OWNER_PASSWORD}"},
        "sources": [{"source": kind} for kind in sorted(others)],
        "integrations": [_integration(one) for one in integrations],
        "products": [{"id": product.external_id, "name": product.name} for product in products],
        "rules": _rules(session, marketplace.id),
    }
    return yaml.safe_dump({key: value for key, value in said.items() if value}, sort_keys=False, allow_unicode=True, width=140)


def _integration(one: Integration) -> dict[str, Any]:
    secret = {f.key: f"${{{_variable(one.name)}_{f.key.upper()}}}" for f in APPS[one.app].fields if f.secret}
    return {"name": one.name, "app": one.app, **secret, **{key: value for key, value in one.public.items() if value}}


def _variable(name: str) -> str:
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").upper()
    return word if word[:1].isalpha() else f"KEY_{word}".rstrip("_")


def _rules(session: Session, marketplace_id: int) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Rule, Integration, Target, Product.external_id)
        .join(Integration, Integration.id == Rule.integration_id)
        .join(Target, Target.id == Rule.target_id)
        .join(Product, Product.id == Rule.product_id, isouter=True)
        .where(Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None))
        .order_by(Rule.id)
    )
    return [_rule(session, *row) for row in rows]


def _rule(session: Session, rule: Rule, integration: Integration, target: Target, product: str | None) -> dict[str, Any]:
    action = APPS[integration.app].actions[rule.action]
    usual = default_removal(TRIGGERS[rule.trigger], action)
    return {
        **({"product": product} if product else {}),
        "trigger": rule.trigger,
        "integration": integration.name,
        "action": rule.action,
        **({"target": _named(session, target)} if target.remote_id else {}),
        **({"removal": rule.removal} if rule.removal != usual else {}),
        **({"for": f"{rule.for_days}d"} if rule.for_days else {}),
        **({"after": "paid_period" if rule.after_days == PAID_PERIOD else f"{rule.after_days}d"} if rule.after_days else {}),
    }


def _named(session: Session, target: Target) -> str:
    """Its name, or its id where others have its name."""
    where = (Target.integration_id == target.integration_id, Target.kind == target.kind, Target.name == target.name, Target.id != target.id)
    return target.remote_id if session.scalar(select(Target.id).where(*where, Target.gone_at.is_(None)).limit(1)) else target.name
