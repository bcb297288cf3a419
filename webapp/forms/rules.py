"""The forms of the rule dialog's three steps, and of a rule's test. What can be chosen is given; whether it can be a rule, the engine decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from wtforms import Form, IntegerField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its types

from webapp.engine import readback
from webapp.forms import base
from webapp.forms.fields import email_field, text_field

Choices = Mapping[str, Sequence[tuple[str, str]]]


class ActionStep(Form):
    """Step 1: which integration, and what it does. The target's list is not a field: a search narrows it."""

    integration = SelectField("Integration")
    action = SelectField("Action")


class TriggerStep(Form):
    """Step 2: when."""

    category = SelectField("Trigger category")
    trigger = SelectField("Trigger")


class RemovalStep(Form):
    """Step 3, of a removal: what it spares."""

    removal = RadioField("What it spares")


class TimingStep(Form):
    """Step 3: how long what is given holds, or when a removal acts."""

    lasts = RadioField("How long it holds", choices=[SelectChoice("", "For good"), SelectChoice("days", "For a number of days")])
    acts = RadioField(
        "When it acts",
        choices=[
            SelectChoice("", "At once"),
            SelectChoice("days", "After a number of days"),
            SelectChoice("paid", "At the end of the paid period"),
        ],
    )
    days = IntegerField("Days")


class Trial(base.Form):
    """A test of a rule: whom it befalls, and with which product."""

    email = email_field("Customer's e-mail")
    product = text_field("Product ID", "Which product? Type its id.")


def action_step(integrations: Sequence[tuple[str, str]], actions: Choices, integration: str, action: str) -> ActionStep:
    """Step 1 with these choices, and what is chosen."""
    form = ActionStep(data={"integration": integration, "action": action})
    form.integration.choices = list(integrations)
    form.action.choices = {group: list(some) for group, some in actions.items()}
    return form


def trigger_step(category: str, triggers: Choices, trigger: str) -> TriggerStep:
    """Step 2 with these choices, and what is chosen."""
    form = TriggerStep(data={"category": category, "trigger": trigger})
    form.category.choices = [(category, category)]
    form.trigger.choices = {group: list(some) for group, some in triggers.items()}
    return form


def timing_step(lasts: str, acts: str, days: str) -> TimingStep:
    """Step 3 with what is chosen; `days` as it was typed."""
    form = TimingStep(data={"lasts": lasts, "acts": acts})
    form.days.raw_data = [days]
    return form


def removal_step(removal: str) -> RemovalStep:
    """Step 3 with what is chosen."""
    form = RemovalStep(data={"removal": removal})
    form.removal.choices = [
        ("spare", _says(readback.SPARE, "what this purchase gave ends, what others gave stays")),
        ("always", _says(readback.ALWAYS, "what any purchase gave ends")),
    ]
    return form


def _says(clause: str, means: str) -> Markup:
    return Markup("<strong>{}</strong>: {}").format(clause[0].upper() + clause[1:], means)
