"""Write a marketplace as the file that `apply` takes. Secrets are not in it: variables of the environment stand in their places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.engine.accounts import OWN_FORMAT
from webapp.engine.integrations import QUOTAS, USUAL_SHARE
from webapp.engine.purchase_import import KEY as IMPORTS
from webapp.engine.rules import default_removal
from webapp.engine.triggers import TRIGGERS
from webapp.market.connections import said_of_share
from webapp.market.nodes import plain
from webapp.models import PAID_PERIOD, Integration, Marketplace, Product, Role, Rule, Source, Target, User

ON_ONE_LINE = 1_000_000
"""Characters of a line: none is broken."""

PASSWORD = "${OWNER_PASSWORD}"  # noqa: S105  the name of a variable
LEFT_OUT = "# These rules are about what is no longer there:"
Said = dict[str, Any]


def export(session: Session, marketplace: Marketplace) -> str:
    """The file's text. Rules whose target has gone stand in it as comments: `apply` could not make them."""
    rules = _rules(session, marketplace.id)
    gone = [said for said, is_gone in rules if is_gone]
    said = {
        "marketplace": _text(marketplace.name),
        "time_zone": marketplace.time_zone,
        "owner": {"email": _owner(session, marketplace.id), "password": PASSWORD},
        "sources": _sources(session, marketplace.id),
        "integrations": _integrations(session, marketplace.id),
        "products": _products(session, marketplace.id),
        "rules": [said for said, is_gone in rules if not is_gone],
    }
    comments = "".join(f"#  {line}\n" for line in _yaml(gone).splitlines()) if gone else ""
    return _yaml({key: value for key, value in said.items() if value}) + (f"{LEFT_OUT}\n{comments}" if gone else "")


def variables(integrations: Iterable[Integration]) -> dict[tuple[int, str], str]:
    """The variable for each secret field of each of these: CIRCLE_KEY, or CIRCLE_KEY_MY_COMMUNITY where there are several."""
    wanted = [(one, field.key) for one in integrations for field in APPS[one.app].fields if field.secret]
    alike = Counter(_word(one.app, key) for one, key in wanted)
    found: dict[tuple[int, str], str] = {}
    for one, key in wanted:
        word = _word(one.app, key)
        name = word if alike[word] == 1 else f"{word}_{_upper(one.name)}".rstrip("_")
        number = 1 + sum(taken == name or taken.startswith(f"{name}__") for taken in found.values())
        found[one.id, key] = name if number == 1 else f"{name}__{number}"
    return found


def _word(app: str, key: str) -> str:
    return _upper(f"{app}_{key.removeprefix('api_')}")


def _upper(name: str) -> str:
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").upper()


def _text(said: str) -> str:
    """A text as `apply` reads it: what looks like a variable is none."""
    return said.replace("${", "$${")


def _yaml(said: object) -> str:
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True, default_flow_style=None, width=ON_ONE_LINE)


def _owner(session: Session, marketplace_id: int) -> str:
    """The owner of longest standing."""
    owners = select(User.email).join(Role, Role.user_id == User.id).where(Role.marketplace_id == marketplace_id, Role.role == "owner")
    return session.scalar(owners.order_by(User.id).limit(1)) or ""


def _sources(session: Session, marketplace_id: int) -> list[Said]:
    others = select(Source.kind).where(Source.marketplace_id == marketplace_id, Source.kind.not_in((OWN_FORMAT, IMPORTS)))
    return [{"source": kind} for kind in session.scalars(others.order_by(Source.kind))]


def _integrations(session: Session, marketplace_id: int) -> list[Said]:
    living = select(Integration).where(Integration.marketplace_id == marketplace_id, Integration.deleted_at.is_(None))
    found = session.scalars(living.order_by(Integration.id)).all()
    names = variables(found)
    return [
        {
            "name": _text(one.name),
            "app": one.app,
            **{f.key: f"${{{names[one.id, f.key]}}}" for f in APPS[one.app].fields if f.secret},
            **{key: _text(value) for key, value in one.public.items() if value},
            **({"watch_only": True} if one.watch_only else {}),
            **({} if one.send_invitation else {"send_invitation": False}),
            **({"paused": True} if one.paused_at else {}),
            **({"quota": one.quota} if one.quota != QUOTAS[0] else {}),
            **({} if one.batch_share == USUAL_SHARE else {"hold_batches_at": said_of_share(one.batch_share)}),
        }
        for one in found
    ]


def _products(session: Session, marketplace_id: int) -> list[Said]:
    """Those in use: an archived one only where a rule is about it."""
    ruled = select(Rule.product_id).where(Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None), Rule.product_id.is_not(None))
    used = Product.archived_at.is_(None) | Product.id.in_(ruled)
    found = session.scalars(select(Product).where(Product.marketplace_id == marketplace_id, used).order_by(Product.id))
    return [{"id": _text(one.external_id), "name": _text(one.name), **({"archived": True} if one.archived_at else {})} for one in found]


def _rules(session: Session, marketplace_id: int) -> list[tuple[Said, bool]]:
    """Each rule, and whether its target has gone."""
    rows = session.execute(
        select(Rule, Integration, Target, Product.external_id)
        .join(Integration, Integration.id == Rule.integration_id)
        .join(Target, Target.id == Rule.target_id)
        .join(Product, Product.id == Rule.product_id, isouter=True)
        .where(Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None))
        .order_by(Rule.id)
    ).all()
    repeated = _repeated(session, {target.integration_id for _, _, target, _ in rows})
    return [(_rule(*row, repeated), row[2].gone_at is not None) for row in rows]


def _rule(rule: Rule, integration: Integration, target: Target, product: str | None, repeated: set[tuple[int, str, str]]) -> Said:
    action = APPS[integration.app].actions[rule.action]
    usual = default_removal(TRIGGERS[rule.trigger], action)
    named = target.remote_id if (target.integration_id, target.kind, plain(target.name)) in repeated else _text(target.name)
    waits = "paid_period" if rule.after_days == PAID_PERIOD else f"{rule.after_days}d"
    return {
        **({"product": _text(product)} if product else {}),
        "trigger": rule.trigger,
        "integration": _text(integration.name),
        "action": rule.action,
        **({"target": named} if target.remote_id else {}),
        **({"removal": rule.removal} if rule.removal != usual else {}),
        **({"for": f"{rule.for_days}d"} if rule.for_days else {}),
        **({"after": waits} if rule.after_days else {}),
        **({"switched_off": True} if rule.off_at else {}),
    }


def _repeated(session: Session, integrations: Iterable[int]) -> set[tuple[int, str, str]]:
    """The names of which an integration has several of a kind: there an id must stand."""
    there = select(Target.integration_id, Target.kind, Target.name).where(Target.integration_id.in_(integrations), Target.gone_at.is_(None))
    numbers = Counter((integration, kind, plain(name)) for integration, kind, name in session.execute(there))
    return {key for key, number in numbers.items() if number > 1}
