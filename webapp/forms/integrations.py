"""The forms of an integration: the app to connect, what connecting and changing one asks for (as its app declares it), and a deletion."""

from __future__ import annotations

from markupsafe import Markup
from wtforms import BooleanField, Field, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its types

from webapp import apps
from webapp.apps import App
from webapp.apps.registry import APPS
from webapp.engine.integrations import LONGEST_NAME, QUOTAS, SHARES
from webapp.forms.base import Form
from webapp.forms.fields import link_field, name_field, secret_field, text, text_field
from webapp.models import Integration

MODES = {
    "live": ("Working", "what the rules ask for is done"),
    "watching": ("Watch only", "everything is decided and logged, and nothing is called"),
    "paused": ("Paused", "nothing is called; what arrives waits"),
}
"""What an integration does: see `webapp.engine.states`."""

PLANS = dict(zip(QUOTAS, ("Business", "Enterprise and Plus", "Plus Platform"), strict=True))
KEPT = "Encrypted; only its last four characters are ever shown."


def _called(app: App) -> Markup:
    """Its name, and what can be picked there."""
    *kinds, last = (kind.many for kind in app.kinds)
    return Markup("<strong>{}</strong>: {} and {}").format(app.name, ", ".join(kinds), last)


class PickApp(Form):
    """Which app to connect."""

    app = RadioField("App", choices=[SelectChoice(app.key, _called(app)) for app in APPS.values()], default=next(iter(APPS)))


class Connect(Form):
    """What connecting an app takes: a name, and the fields that the app declares. Made by `connect`."""

    name = name_field(
        "Name", "Give it a name.", LONGEST_NAME, description="Only you see it. It must differ from your other integrations' names."
    )
    _app: App

    @property
    def declared(self) -> list[Field]:
        """The app's own fields."""
        return [self[one.key] for one in self._app.fields]

    @property
    def secret(self) -> dict[str, str]:
        """What was typed of the secret ones; {} for none."""
        return {one.key: text(self[one.key]) for one in self._app.fields if one.secret and self[one.key].data}

    @property
    def public(self) -> dict[str, str]:
        """What was typed of the others."""
        return {one.key: text(self[one.key]) for one in self._app.fields if not one.secret and self[one.key].data}


class Change(Connect):
    """What can be changed of an integration. Made by `change`."""

    mode = RadioField(
        "What it does", choices=[SelectChoice(key, Markup("<strong>{}</strong>: {}").format(*words)) for key, words in MODES.items()]
    )
    send_invitation = BooleanField()
    quota = RadioField("Requests a month that the plan includes", coerce=int)
    batch_share = SelectField("Batches wait for the next month", coerce=int)


class Delete(Form):
    """The name of what is to be deleted, typed."""

    name = StringField()


def connect(app: App) -> Connect:
    """The form that connects an app."""
    fields = {one.key: _field(one, f"{one.help} {KEPT}" if one.secret else one.help, one.required) for one in app.fields}
    made: Connect = type("ConnectApp", (Connect,), {"_app": app, **fields})()
    return made


def change(app: App, integration: Integration) -> Change:
    """The form that changes an integration of that app: without a new key the old one is kept."""
    hint = _now(integration.key_tail)
    fields = {one.key: _field(one, hint if one.secret else one.help, one.required and not one.secret) for one in app.fields}
    values = {**integration.public, "name": integration.name, "mode": mode_of(integration)}
    kept = {"send_invitation": integration.send_invitation, "quota": integration.quota, "batch_share": integration.batch_share}
    made: Change = type("ChangeApp", (Change,), {"_app": app, **fields})(data={**values, **kept})
    plans = {**PLANS} if integration.quota in PLANS else {**PLANS, integration.quota: "as set"}
    made.quota.choices = [(calls, f"{calls:,} ({plan})") for calls, plan in plans.items()]
    shares = sorted({*SHARES, integration.batch_share} - {0})
    made.batch_share.choices = [SelectChoice(share, f"when {share} % of them are used") for share in shares] + [SelectChoice(0, "never")]
    made.send_invitation.label.text = f"{app.name} sends its invitation e-mail to whoever is invited"
    return made


def mode_of(integration: Integration) -> str:
    """What it does now, as one of MODES."""
    if integration.paused_at is not None:
        return "paused"
    return "watching" if integration.watch_only else "live"


def _field(one: apps.Field, hint: str, required: bool) -> Field:
    missing = f"{one.label} is missing." if required else None
    if one.secret:
        return secret_field(one.label, missing, description=hint)
    if one.link:
        return link_field(one.label, missing, description=hint)
    return text_field(one.label, missing, description=hint)


def _now(tail: str) -> str:
    return f"It ends with {tail}. Leave this empty to keep it." if tail else "Leave this empty to keep the one there is."
