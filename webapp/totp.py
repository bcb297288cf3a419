"""The second step of signing in: codes of six digits that change every 30 seconds (RFC 6238), and codes for whoever has lost their phone.

Nothing is stored here.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from io import BytesIO

import pyotp
import segno

STEP = 30
"""Seconds."""

AROUND = (0, -1, 1)
"""Clocks differ: the code before and the one after are good too."""

RECOVERY_CODES = 10


def new_secret() -> str:
    """A secret to share with somebody's phone, as Base32 writes it."""
    return pyotp.random_base32()


def step_of(secret: str, typed: str, now: datetime) -> int | None:
    """Which 30 seconds since 1970 a code belongs to; None where it is no code of this time. Whether it was used already is asked elsewhere."""
    code = "".join(typed.split())
    if not (code.isascii() and code.isdigit()):
        return None
    present, totp = int(now.timestamp()) // STEP, pyotp.TOTP(secret)
    for step in (present + around for around in AROUND):
        if secrets.compare_digest(totp.generate_otp(step), code):
            return step
    return None


def address(secret: str, email: str) -> str:
    """What the picture says to a phone."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Cartwheel")


def picture(text: str) -> bytes:
    """A QR code as an SVG image, dark on white in either colour scheme: cameras want it so."""
    out = BytesIO()
    segno.make(text, error="m").save(out, kind="svg", scale=4, border=4, light="#fff", xmldecl=False, nl=False)
    return out.getvalue()


def new_recovery_codes() -> list[str]:
    """Codes that stand in for the phone, once each: 80 bits, in four groups."""
    codes = (pyotp.random_base32(32)[:16].lower() for _ in range(RECOVERY_CODES))
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def as_recovery_code(typed: str) -> str:
    """A recovery code as it is known, however it was typed."""
    code = "".join(sign for sign in typed.lower() if sign.isalnum())
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
