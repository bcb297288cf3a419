"""Every route of the app, and what has to be known of it to be sure that it is safe. Who adds a route adds a line here.

`tests/pages/test_every_route.py` walks the table, and fails for a route that is not in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import NOW
from webapp.engine import granting
from webapp.models import (
    Alert,
    AuditLine,
    Call,
    CallEntry,
    Customer,
    Event,
    Grant,
    Invitation,
    Marketplace,
    OneTimeLink,
    Purchase,
    Rule,
    Source,
    Target,
)
from webapp.parts import parts
from webapp.tokens import hash_token

ANYBODY, PERSON, MEMBER, CHANGER, OWNER = "anybody", "person", "member", "changer", "owner"
"""Who may use a route: anybody; who is signed in; who has any role in the marketplace; owners and admins; owners."""

Ids = Mapping[str, str]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Route:
    """One endpoint.

    `about`: its address's values, each the name of something of the `World`. `form`: what is posted that changes something; {names} stand
    for ids. `asks`: query strings that name things. `quiet`: why a change that it makes leaves no line in the audit; "" where it leaves one.
    `before`: what must be so for it to change anything. `anyones`: its address's values are open to everybody (a token, a kind).
    """

    who: str
    about: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    quiet: str = ""
    before: Callable[[Session, World], None] | None = None
    anyones: bool = False


class World:
    """A marketplace with one of everything; what it is called begins with `name`, so that it is known wherever it turns up."""

    def __init__(self, session: Session, name: str) -> None:
        self.name = name
        self.low = name.lower()
        self.shop = factories.make_marketplace(session, f"{name} shop")
        plain = re.sub("[^a-z]", "", self.low)
        self.people = {
            role: factories.make_user(session, self.shop, role, f"{plain}-{role}@shop.test") for role in ("owner", "admin", "viewer")
        }
        self.ids: dict[str, str] = {"shop": str(self.shop.id), "member": str(self.people["viewer"].id), "name": name, "low": self.low}
        self._community(session)
        self._products(session)
        self._customer(session)
        self._addresses(session)
        self._links(session)
        self._alert(session)

    def _keep(self, **made: object) -> None:
        self.ids.update({name: str(getattr(one, "id", one)) for name, one in made.items()})

    def _community(self, session: Session) -> None:
        sealed = parts().vault.seal(json.dumps({"api_key": f"{self.low}-api-key"}))
        given = {"catalog_at": NOW, "credentials": sealed, "public": {"community_url": f"https://{self.low}.circle.test"}}
        self.integration = factories.make_integration(session, self.shop, f"{self.name} community", **given)
        paused = factories.make_integration(session, self.shop, f"{self.name} paused", paused_at=NOW, **given)
        watching = factories.make_integration(session, self.shop, f"{self.name} watching", watch_only=True, **given)
        self.membership = factories.make_target(session, self.integration, "membership")
        self.space = factories.make_target(session, self.integration, "space", f"{self.name} room")
        other = factories.make_target(session, self.integration, "space", f"{self.name} other room")
        self._keep(integration=self.integration, paused=paused, watching=watching, space=self.space, other_space=other)

    def _products(self, session: Session) -> None:
        self.product = factories.make_product(session, self.shop, f"{self.name} product", external_id=f"{self.low}-101")
        archived = factories.make_product(session, self.shop, f"{self.name} archived", archived_at=NOW)
        rule = factories.make_rule(session, self.space, self.product, identity=f"{self.name}:1")
        off = factories.make_rule(
            session, self.space, None, off_at=NOW, trigger="product_refunded", action="remove_from_space", removal="spare"
        )
        event = Event(id=factories.new_id(), marketplace_id=self.shop.id, key=f"{self.low}-key", type="order.created", at=NOW,
                      received_at=NOW, body=f'{{"from": "{self.name}"}}'.encode(), test=True)  # fmt: skip
        session.add(event)
        session.flush()
        self._keep(product=self.product, key=self.product.external_id, archived=archived, rule=rule, off=off, event=event)

    def _customer(self, session: Session) -> None:
        customer = factories.make_customer(session, self.shop, f"{self.low}-buyer@shop.test", first_name=self.name)
        lane = factories.make_lane(session, customer, self.integration)
        said = {"customer_id": customer.id, "product_id": self.product.id, "integration_id": self.integration.id, "target_id": self.space.id,
                "trigger": "product_purchased", "action": "add_to_space", "event_id": int(self.ids["event"]),
                "rule_id": int(self.ids["rule"]), "test": True}  # fmt: skip
        done = factories.make_entry(session, self.shop, lane_id=lane.id, sentence=f"{self.name} was added.", **said)
        failed = factories.make_entry(session, self.shop, lane_id=lane.id, status="failed", sentence=f"{self.name} failed.", **said)
        kept = factories.make_entry(session, self.shop, lane_id=lane.id, status="unchanged", sentence=f"{self.name} kept.", details={"kept": ["x"]},
                                    **{**said, "action": "remove_from_space"})  # fmt: skip
        later = factories.make_entry(session, self.shop, lane, sentence=f"{self.name} later.", **{**said, "due_at": NOW + DAY})
        bought = Purchase(id=factories.new_id(), marketplace_id=self.shop.id, customer_id=customer.id, product_id=self.product.id,
                          ground=f"order:{self.low}-9001", on_record=True, state="active", state_at=NOW, bought_at=NOW)  # fmt: skip
        session.add(bought)
        session.flush()
        session.add(Grant(id=factories.new_id(), lane_id=lane.id, target_id=self.space.id, purchase_id=bought.id, entry_id=later.id, op="close",
                          at=NOW + DAY, asked_at=NOW, tie="x"))  # fmt: skip
        call = Call(id=factories.new_id(), lane_id=lane.id, integration_id=self.integration.id, at=NOW, method="POST", path=f"/{self.name} path",
                    body=json.dumps({"name": f"{self.name} sent"}), says=f"add {self.name} said", status=422,
                    answer=json.dumps({"message": f"{self.name} answered"}), duration_ms=12)  # fmt: skip
        proxied = Call(id=factories.new_id(), lane_id=lane.id, integration_id=self.integration.id, at=NOW, method="GET", path="/x", body="",
                       says="ask", status=502, answer=f"<html>{self.name} proxy</html>", duration_ms=12)  # fmt: skip
        session.add_all([call, proxied])
        session.flush()
        session.add_all(CallEntry(entry_id=entry.id, call_id=one.id) for entry in (done, failed) for one in (call, proxied))
        running = factories.make_batch(session, self.shop, given={"title": f"{self.name} batch"}, state="running")
        stopped = factories.make_batch(session, self.shop, given={"title": f"{self.name} batch"}, state="paused")
        self._keep(
            customer=customer, email=customer.email, entry=done, failed=failed, kept=kept, later=later, batch=running, halted=stopped
        )

    def _addresses(self, session: Session) -> None:
        for kind in ("cartwheel", "samcart"):
            secret = parts().vault.seal("whsec_c2VjcmV0IG9mIGEgdGVzdCB0aGF0IGlzIGxvbmc=") if kind == "cartwheel" else None
            session.add(Source(id=factories.new_id(), marketplace_id=self.shop.id, kind=kind, address=f"{self.low}-{kind}-address", secret=secret,
                               previous_secret=secret, previous_until=NOW + DAY, created_at=NOW))  # fmt: skip
        self._keep(cartwheel="cartwheel", samcart="samcart", circle="circle", address=f"{self.low}-cartwheel-address")

    def _alert(self, session: Session) -> None:
        alert = Alert(id=factories.new_id(), marketplace_id=self.shop.id, kind="failed", subject="1:refused", open_key=f"{self.name}:failed",
                      title=f"{self.name} failed.", first_at=NOW, last_at=NOW, opened_at=NOW)  # fmt: skip
        session.add(alert)
        session.flush()
        self._keep(alert=alert)

    def _links(self, session: Session) -> None:
        invitation = Invitation(id=factories.new_id(), marketplace_id=self.shop.id, email=f"{self.low}-invited@shop.test", role="viewer",
                                token_hash=hash_token(f"{self.low}-invitation"), created_at=NOW, expires_at=NOW + DAY)  # fmt: skip
        reset = OneTimeLink(
            token_hash=hash_token(f"{self.low}-link"), purpose="reset", user_id=self.people["viewer"].id, expires_at=NOW + DAY
        )
        session.add_all([invitation, reset])
        session.flush()
        self._keep(invitation=invitation, invitation_token=f"{self.low}-invitation", link_token=f"{self.low}-link")


def _without_samcart(session: Session, world: World) -> None:
    session.execute(delete(Source).where(Source.marketplace_id == world.shop.id, Source.kind == "samcart"))


def _without_secret(session: Session, world: World) -> None:
    session.execute(update(Source).where(Source.marketplace_id == world.shop.id).values(secret=None, previous_secret=None))


def _named(session: Session, world: World) -> None:
    session.execute(update(Marketplace).where(Marketplace.id == world.shop.id).values(name=f"{world.name} before"))


def _granted_by_hand(session: Session, world: World) -> None:
    customer, space = (session.get_one(kind, int(world.ids[name])) for kind, name in ((Customer, "customer"), (Target, "space")))
    granting.grant(session, customer, space, None, "somebody", NOW, lambda _: factories.new_id())
    session.flush()
    session.execute(delete(AuditLine))


def _gave(session: Session, world: World) -> None:
    """The rule is off, and what it gave stands."""
    rule, closed = session.get_one(Rule, int(world.ids["rule"])), session.scalars(select(Grant)).first()
    assert closed is not None
    rule.off_at = NOW
    said = {"lane_id": closed.lane_id, "target_id": closed.target_id, "purchase_id": closed.purchase_id, "entry_id": closed.entry_id}
    session.add(Grant(id=factories.new_id(), rule_id=rule.id, op="open", at=NOW - DAY, tie="w", **said))


STEP = "only a step of a dialog: nothing is written"
OWN = "one's own account, which belongs to no marketplace"
NEW_RULE = {"integration": "{integration}", "action": "add_to_space", "target": "{other_space}", "trigger": "product_purchased"}

ROUTES: dict[str, Route] = {
    "account.change_keyboard": Route(PERSON, quiet=OWN),
    "account.change_password": Route(PERSON, quiet=OWN),
    "account.end_others": Route(PERSON, quiet=OWN),
    "account.end_session": Route(PERSON, {"number": "shop"}, quiet=OWN, anyones=True),
    "account.renew_codes": Route(PERSON, quiet=OWN),
    "account.show": Route(PERSON),
    "account.switch_off": Route(PERSON, quiet=OWN),
    "account.switch_on": Route(PERSON, quiet=OWN),
    "alerts.acknowledge": Route(CHANGER, {"number": "alert"}),
    "alerts.change": Route(CHANGER, form={"kinds": "failed"}),
    "alerts.one": Route(MEMBER, {"number": "alert"}),
    "alerts.remove_chat": Route(CHANGER),
    "alerts.reopen": Route(CHANGER, {"number": "alert"}),
    "alerts.set_chat": Route(CHANGER, form={"address": "https://hooks.slack.com/services/{low}"}),
    "alerts.show": Route(MEMBER),
    "alerts.snooze": Route(CHANGER, {"number": "alert"}, {"for": "1h"}),
    "alerts.test": Route(CHANGER, quiet="a message that says that it is a test"),
    "audit.show": Route(CHANGER, asks=("before=99999999999999",)),
    "auth.forgot": Route(ANYBODY, form={"email": "{low}-owner@shop.test"}, quiet=OWN),
    "auth.home": Route(ANYBODY),
    "auth.link": Route(ANYBODY, {"token": "link_token"}, quiet=OWN, anyones=True),
    "auth.set_up_hint": Route(ANYBODY),
    "auth.sign_in": Route(ANYBODY, quiet=OWN),
    "auth.sign_out": Route(ANYBODY, quiet=OWN),
    "batches.index": Route(MEMBER),
    "batches.pause": Route(CHANGER, {"batch_id": "batch"}),
    "batches.resume": Route(CHANGER, {"batch_id": "halted"}),
    "batches.show": Route(MEMBER, {"batch_id": "batch"}),
    "batches.stop": Route(CHANGER, {"batch_id": "batch"}),
    "connecting.edit": Route(
        CHANGER,
        {"number": "integration"},
        {"name": "{name} renamed", "community_url": "https://c.test", "mode": "paused", "quota": "5000"},
    ),
    "connecting.new": Route(
        CHANGER, {"key": "circle"}, {"name": "{name} new", "api_key": "a-new-api-key", "community_url": "https://c.test"}, anyones=True
    ),
    "connecting.pick": Route(CHANGER, form={"app": "circle"}, quiet=STEP),
    "customer_alias.edit": Route(CHANGER, {"number": "customer", "integration_id": "integration"}, {"email": "{low}-alias@shop.test"}),
    "customer_check.put_right": Route(
        CHANGER, {"number": "customer", "integration_id": "integration"}, quiet="what it does stands in Logs"
    ),
    "customer_check.start": Route(CHANGER, {"number": "customer", "integration_id": "integration"}, quiet="a question: it changes nothing"),
    "customer_erase.ask": Route(CHANGER, {"number": "customer"}),
    "customer_erase.erase": Route(CHANGER, {"number": "customer"}),
    "customer_check.watch": Route(MEMBER, {"number": "customer", "integration_id": "integration"}),
    "customer_hand.grant": Route(
        CHANGER, {"number": "customer"}, {**NEW_RULE, "next": "1"}, asks=("integration={integration}&action=add_to_space",)
    ),
    "customer_hand.leave_to_purchases": Route(CHANGER, {"number": "customer", "target_id": "space"}, before=_granted_by_hand),
    "customer_hand.take_away": Route(
        CHANGER, {"number": "customer"}, {**NEW_RULE, "action": "remove_from_space", "next": "1"}, asks=("integration={integration}",)
    ),
    "customer_why.pick": Route(MEMBER, {"number": "customer"}),
    "customer_why.why": Route(
        MEMBER, {"number": "customer"}, asks=("integration={integration}&action=add_to_space&target={space}&next=1",)
    ),
    "customers.show": Route(MEMBER, {"email": "email"}),
    "general.change": Route(OWNER, form={"name": "{name} shop", "time_zone": "Europe/Berlin"}, before=_named),
    "general.keep": Route(OWNER, form={"days": "30"}),
    "general.show": Route(MEMBER),
    "health.alive": Route(ANYBODY),
    "health.metrics": Route(ANYBODY),
    "health.ready": Route(ANYBODY),
    "integrations.delete": Route(CHANGER, {"number": "integration"}, {"name": "{name} community"}),
    "integrations.index": Route(MEMBER),
    "integrations.refresh": Route(CHANGER, {"number": "integration"}, quiet="loads what Circle has: nothing of the merchant's changes"),
    "integrations.resume": Route(CHANGER, {"number": "paused"}),
    "integrations.show": Route(MEMBER, {"number": "integration"}),
    "integrations.start": Route(CHANGER, {"number": "watching"}),
    "invitations.accept": Route(ANYBODY, {"token": "invitation_token"}, anyones=True),
    "keys.show": Route(MEMBER),
    "log_causes.index": Route(MEMBER),
    "log_entry.cancel": Route(CHANGER, {"entry_id": "later"}),
    "log_entry.entry": Route(MEMBER, {"entry_id": "entry"}),
    "log_entry.remove_anyway": Route(CHANGER, {"entry_id": "kept"}),
    "log_entry.replay": Route(CHANGER, {"entry_id": "entry"}),
    "log_entry.skip": Route(CHANGER, {"entry_id": "failed"}),
    "log_export.export": Route(MEMBER, asks=("q={name}", "q={low}-buyer@shop.test")),
    "log_replay.replay": Route(CHANGER, form={"q": "", "sure": "y"}, asks=("q={name}",)),
    "logs.index": Route(
        MEMBER, asks=("q={name}", "q={low}-buyer@shop.test", "integration={integration}", "rule={rule}", "batch={batch}", "q=batch:{batch}")
    ),
    "logs.live": Route(MEMBER),
    "logs.tab": Route(MEMBER, asks=("q={name}", "integration={integration}")),
    "marketplaces.enter": Route(PERSON, {"number": "shop"}, quiet="changes only where one's own session is"),
    "marketplaces.new": Route(PERSON, form={"name": "{name} second", "time_zone": "UTC"}),
    "product_import.confirm": Route(CHANGER, form={"text": "id,name\n{low}-7,Seven\n"}),
    "product_import.upload": Route(CHANGER, quiet=STEP),
    "products.add": Route(CHANGER, form={"external_id": "{low}-8", "name": "Eight"}),
    "products.archive": Route(CHANGER, {"number": "product"}),
    "products.by_number": Route(MEMBER, {"number": "product"}),
    "products.index": Route(MEMBER, asks=("q={name}", "q={low}-101", "after={product}", "show=archived")),
    "products.rename": Route(CHANGER, {"number": "product"}, {"name": "{name} renamed"}),
    "products.show": Route(MEMBER, {"key": "key"}),
    "products.unarchive": Route(CHANGER, {"number": "archived"}),
    "purchase_import.confirm": Route(CHANGER, form={"text": "email,product,date\n{low}-past@shop.test,{low}-101,2026-05-12\n"}),
    "purchase_import.upload": Route(CHANGER, quiet=STEP),
    "rule_back.take_back": Route(CHANGER, {"rule_id": "rule"}, before=_gave),
    "rule_dialog.edit_action": Route(CHANGER, {"rule_id": "rule"}, quiet=STEP),
    "rule_dialog.edit_confirm": Route(CHANGER, {"rule_id": "rule"}, {**NEW_RULE}),
    "rule_dialog.edit_trigger": Route(CHANGER, {"rule_id": "rule"}, quiet=STEP),
    "rule_dialog.new_action": Route(CHANGER, asks=("product={product}", "integration={integration}"), quiet=STEP),
    "rule_dialog.new_confirm": Route(CHANGER, form={**NEW_RULE}, asks=("product={product}&integration={integration}&target={space}",)),
    "rule_dialog.new_trigger": Route(CHANGER, asks=("product={product}", "integration={integration}"), quiet=STEP),
    "rule_parts.catalog": Route(MEMBER, asks=("integration={integration}&action=add_to_space", "rule={rule}")),
    "rule_parts.pick": Route(MEMBER, asks=("integration={integration}&action=add_to_space&target={space}",)),
    "rule_parts.readback": Route(
        CHANGER, asks=("integration={integration}&action=add_to_space&target={space}&trigger=product_purchased&product={product}",)
    ),
    "rule_parts.targets": Route(MEMBER, asks=("integration={integration}&action=add_to_space&q={name}",)),
    "rule_parts.trigger": Route(CHANGER, asks=("product={product}&trigger=product_purchased",)),
    "rule_trial.test": Route(CHANGER, {"rule_id": "rule"}, quiet="a test event, which stands in Logs"),
    "rule_trial.tried": Route(CHANGER, {"rule_id": "rule", "event_id": "event"}),
    "rules.delete": Route(CHANGER, {"rule_id": "rule"}),
    "rules.index": Route(MEMBER),
    "rules.switch_off": Route(CHANGER, {"rule_id": "rule"}),
    "rules.switch_on": Route(CHANGER, {"rule_id": "off"}),
    "second_step.ask": Route(ANYBODY, quiet=OWN),
    "source_settings.remove": Route(CHANGER, {"kind": "samcart"}, anyones=True),
    "source_settings.replace": Route(CHANGER, {"kind": "samcart"}, anyones=True),
    "source_settings.switch_on": Route(CHANGER, {"kind": "samcart"}, before=_without_samcart, anyones=True),
    "static_file": Route(ANYBODY, {"path": "name"}, anyones=True),
    "team.edit": Route(OWNER, {"number": "member"}, {"role": "admin"}),
    "team.invite": Route(OWNER, form={"email": "{low}-new@shop.test", "role": "viewer"}),
    "team.remove": Route(OWNER, {"number": "member"}),
    "team.show": Route(MEMBER),
    "team.withdraw": Route(OWNER, {"number": "invitation"}),
    "webhook_settings.end_previous": Route(CHANGER),
    "webhook_settings.make_secret": Route(CHANGER, before=_without_secret),
    "webhook_settings.rotate": Route(CHANGER),
    "webhook_settings.show": Route(MEMBER),
    "webhook_settings.test": Route(CHANGER, quiet="a test event, which stands in Logs"),
    "webhooks.describe": Route(ANYBODY),
    "webhooks.show": Route(ANYBODY, {"address": "address"}, anyones=True),
}
