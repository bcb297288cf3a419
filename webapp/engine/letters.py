"""What is written to people who have no page before them. Plain text; a link stands alone on its line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.engine.outbox import Letter

MAY = {
    "owner": "You may do everything there, people and the marketplace itself too.",
    "admin": "You may do everything there but people and the marketplace itself.",
    "viewer": "You see everything there and change nothing.",
}
"""What a role means, to whom it is offered."""


def invitation(link: str, marketplace: str, role: str, invited_by: str) -> Letter:
    """Somebody is invited into a marketplace."""
    return Letter(
        f"Join {marketplace} on Cartwheel",
        f"{invited_by} invites you to {marketplace} as {'a viewer' if role == 'viewer' else f'an {role}'}. {MAY[role]}\n\n"
        f"{link}\n\n"
        "The link works once, for 7 days. If you do not know what this is about, do nothing.\n",
    )


def reset(link: str, address: str) -> Letter:
    """Somebody has forgotten their password, or somebody else says so."""
    return Letter(
        "A new password for Cartwheel",
        f"Somebody asked for a new password for {address}. Choose it here:\n\n"
        f"{link}\n\n"
        "The link works once, within an hour. If it was not you, do nothing: your password stays as it is.\n",
    )


@dataclass(frozen=True)
class Told:
    """One alert as people are told of it: what it is, what to do, since when in their own time, and where it is seen to."""

    title: str
    todo: str
    times: str
    link: str


def alert(marketplace: str, begun: Sequence[Told], still: Sequence[Told], over: Sequence[Told]) -> Letter:
    """What needs somebody, and what does no longer: one letter for all that one look has found."""
    parts = [
        *(f"{one.title}\n{one.times}\nWhat to do: {one.todo}\n\n{one.link}" for one in begun),
        *(f"Still there: {one.title}\n{one.times}\nWhat to do: {one.todo}\n\n{one.link}" for one in still),
        *(f"Over: {one.title}\n{one.times}\n\n{one.link}" for one in over),
    ]
    return Letter(f"{marketplace}: {_subject(begun, still, over)}", _RULE.join(parts) + _FOOT)


def alert_chat(marketplace: str, begun: Sequence[Told], still: Sequence[Told], over: Sequence[Told]) -> str:
    """The same in the few signs that Slack and what speaks like it understand."""
    lines = [f"*{chat_safe(marketplace)}*"]
    lines += [f":warning: {_in_chat(one)} {chat_safe(one.todo)}" for one in begun]
    lines += [f":warning: Still there: {_in_chat(one)}" for one in still]
    lines += [f":white_check_mark: Over: {_in_chat(one)}" for one in over]
    return "\n".join(lines)


def digest(marketplace: str, day: str, standing: Sequence[Told], over: Sequence[Told], address: str) -> Letter:
    """What stands in the morning, and what came and went since the morning before."""
    parts = []
    if standing:
        parts.append("Needs somebody:\n\n" + "\n\n".join(f"- {one.title}\n  {one.times}\n  {one.link}" for one in standing))
    if over:
        parts.append("Over since yesterday:\n\n" + "\n\n".join(f"- {one.title}\n  {one.times}" for one in over))
    count = f"{len(standing)} {'thing needs' if len(standing) == 1 else 'things need'} somebody" if standing else "nothing needs anybody"
    return Letter(f"{marketplace}, {day}: {count}", _RULE.join(parts) + f"\n\nAll of it: {address}\n")


def trial(marketplace: str, address: str) -> Letter:
    """A test: what people read when something needs them looks like this."""
    return Letter(f"{marketplace}: a test", f"This is a test of the alerts of {marketplace}. Nothing needs you.\n\n{address}\n")


def chat_safe(text: str) -> str:
    """A text that can't become a mention or a link in a chat."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _subject(begun: Sequence[Told], still: Sequence[Told], over: Sequence[Told]) -> str:
    needing = [*begun, *still]
    if len(needing) == 1:
        return needing[0].title.rstrip(".")
    if needing:
        return f"{len(needing)} things need somebody"
    return f"over: {over[0].title.rstrip('.')}" if len(over) == 1 else f"{len(over)} things are over"


def _in_chat(one: Told) -> str:
    return f"<{one.link}|{chat_safe(one.title)}> ({chat_safe(one.times)})"


_RULE = "\n\n---\n\n"
_FOOT = "\n\nOn that page you can say that you see to it, or be told later. The link changes nothing by itself.\n"
