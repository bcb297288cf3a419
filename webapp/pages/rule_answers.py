"""What the rule dialog has been told so far, and whose rule it is about. The answers travel in the address and in hidden fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from flask import abort, url_for

from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import products, rulebook, rules
from webapp.engine.rules import Draft
from webapp.engine.triggers import TRIGGERS
from webapp.models import PAID_PERIOD, Product
from webapp.pages import guard, product_address

LONGEST = 200
LARGEST = 1 << 63

LASTS = ("days",)
ACTS = ("days", "paid")
TIMING = {"for_days", "after_days"}
"""The fields of a Draft that its last step asks for."""

UNREADABLE = -2
"""Days that no rule may have."""

STEPS = {"action": "Action", "trigger": "Trigger", "confirm": "Confirm"}
"""The dialog's steps and their labels."""


@dataclass(frozen=True)
class Answers:
    """The answers by the names of their fields; "" and None for none. `q` is what was searched for.

    `lasts`, of an add: for good (""), or for so many `days`. `acts`, of a removal: at once (""), after so many `days`, or when what was paid
    for ends (`paid`). `days` is as it was typed.
    """

    integration: int | None = None
    action: str = ""
    target: int | None = None
    trigger: str = ""
    removal: str = ""
    lasts: str = ""
    acts: str = ""
    days: str = ""
    q: str = ""

    @property
    def for_days(self) -> int | None:
        """As in `models.Rule`; 0 where it is no number of days."""
        return self._days if self.lasts else None

    @property
    def after_days(self) -> int:
        """As in `models.Rule`; UNREADABLE where it is no number of days."""
        if self.acts == "paid":
            return PAID_PERIOD
        return (self._days or UNREADABLE) if self.acts else 0

    @property
    def _days(self) -> int:
        return number(self.days) or 0

    def but(self, **changes: Any) -> Answers:
        """The same with these answered otherwise."""
        return replace(self, **changes)

    @property
    def given(self) -> dict[str, str]:
        """What has been answered, as text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) for name, value in values.items() if value not in {None, ""}}


@dataclass(frozen=True)
class About:
    """What the dialog is about: a new rule of a product, or (None) a global one; or a rule that is there already (`row`)."""

    product: Product | None
    row: rulebook.Row | None = None

    @property
    def title(self) -> str:
        """The dialog's title."""
        if self.row is not None:
            return "Repair rule" if self.row.gone_at else "Edit rule"
        return f"New Rule for {self.product.name}" if self.product else "New Global Rule"

    @property
    def close(self) -> str:
        """The page behind it."""
        return product_address.of(self.product) if self.product else url_for("rules.index")

    @property
    def nav(self) -> str:
        """The section that this page belongs to."""
        return "products" if self.product else "integrations"

    @property
    def name(self) -> str | None:
        """The product's name; None for any product."""
        return self.product.name if self.product else None

    def address(self, step: str, answers: Answers | None = None) -> str:
        """The address of a step, which knows these answers."""
        asked = answers.given if answers else {}
        if self.row is not None:
            base = url_for(f"rule_dialog.edit_{step}", rule_id=self.row.id)
        else:
            base = url_for(f"rule_dialog.new_{step}")
            asked = {"product": str(self.product.id), **asked} if self.product else asked
        return f"{base}?{urlencode(asked)}" if asked else base

    def steps(self, answers: Answers) -> list[tuple[str, str]]:
        """The dialog's steps with their addresses."""
        return [(label, self.address(step, answers)) for step, label in STEPS.items()]

    def draft(self, answers: Answers) -> Draft:
        """The rule as asked for so far. What the action has no target for is not in it."""
        return Draft(
            self.product.id if self.product else None,
            answers.trigger,
            answers.integration or 0,
            answers.action,
            answers.target,
            answers.removal or None,
            answers.for_days,
            answers.after_days,
        )


def read(args: Mapping[str, str]) -> Answers:
    """The answers in a query or a form. What they can't mean is left out."""
    removal = args.get("removal", "")
    return Answers(
        number(args.get("integration")),
        args.get("action", "")[:LONGEST],
        number(args.get("target")),
        args.get("trigger", "") if args.get("trigger") in TRIGGERS else "",
        removal if removal in rules.REMOVALS else "",
        args.get("lasts", "") if args.get("lasts") in LASTS else "",
        args.get("acts", "") if args.get("acts") in ACTS else "",
        args.get("days", "").strip()[:LONGEST],
        args.get("q", "").strip()[:LONGEST],
    )


def number(text: str | None) -> int | None:
    """An id in a query or a form; None for anything else."""
    return int(text) if text and text.isdecimal() and text.isascii() and int(text) < LARGEST else None


def about_new(args: Mapping[str, str]) -> About:
    """A new rule: of the product that the address names, else a global one. 404 for a product of somebody else."""
    if not args.get("product"):
        return About(None)
    try:
        return About(products.get(db.session(), guard.here(), number(args["product"]) or 0))
    except products.NoProduct:
        abort(404)


def about_rule(rule_id: int) -> About:
    """A rule that is there already. 404 where it is not, or somebody else's."""
    session = db.session()
    try:
        row = rulebook.one(session, APPS, guard.here(), rule_id)
    except rules.NoRule:
        abort(404)
    return About(session.get(Product, row.product_id) if row.product_id else None, row)


def of_row(row: rulebook.Row) -> Answers:
    """The answers that would make a rule as it is. What is usual for its trigger is no answer: another trigger has another usual."""
    usual = rules.default_removal(row.trigger, row.action)
    target = row.target_id if row.target else None
    days = row.for_days or max(row.after_days, 0)
    return Answers(
        row.integration_id,
        row.action.key,
        target,
        row.trigger.key,
        "" if row.removal == usual else row.removal or "",
        "days" if row.for_days else "",
        "paid" if row.after_days == PAID_PERIOD else "days" if row.after_days else "",
        str(days) if days else "",
    )
