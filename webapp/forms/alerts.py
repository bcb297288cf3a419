"""The forms of the alerts: who is told of what, and where a chat is told."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import BooleanField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its types

from webapp.engine.alerting import KINDS
from webapp.engine.team import Member
from webapp.forms.base import Form
from webapp.forms.fields import TicksField, link_field


class Told(Form):
    """Who is told by mail, of what, and whether there is a digest."""

    people = TicksField("By mail", coerce=int)
    kinds = TicksField("Of what", choices=[SelectChoice(kind, label) for kind, label in KINDS.items()])
    digest = BooleanField("A digest in the morning, while anything stands or has come and gone")

    def offer(self, team: Sequence[Member]) -> Told:
        """The people who can be chosen."""
        self.people.choices = [SelectChoice(one.user_id, one.email) for one in team]
        return self


class Chat(Form):
    """Where a chat listens."""

    address = link_field(
        "Incoming webhook",
        "Paste the address that your chat gives you.",
        description="In Slack: Apps → Incoming WebHooks. Whatever takes Slack's messages works too. The address is a secret and is not shown again.",
    )
