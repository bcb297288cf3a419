"""What is written to people who have no page before them. Plain text; a link stands alone on its line. Pure."""

from __future__ import annotations

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
