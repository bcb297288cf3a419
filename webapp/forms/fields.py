"""Fields that several forms share: an e-mail address, a password, a name, a time zone. No form lives here."""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from wtforms import EmailField, Field, Form, PasswordField, SelectField, SelectMultipleField, StringField, URLField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its types
from wtforms.validators import StopValidation
from wtforms.widgets import CheckboxInput

from webapp.passwords import LONGEST, SHORTEST

LONGEST_EMAIL = 320
LONGEST_NAME = 200
LONGEST_SECRET = 500
LONGEST_LINK = 500

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
_AREAS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


class TicksField(SelectMultipleField):
    """Any number of choices, a tick each."""

    option_widget = CheckboxInput()


def text(field: Field) -> str:
    """What a checked field holds."""
    return str(field.data or "")


def email_field(label: str = "E-mail") -> EmailField:
    """An e-mail address, trimmed and in lower case."""
    return EmailField(label, filters=[_trimmed, _lowered], validators=[_given("Type an e-mail address."), _is_email])


def password_field(label: str = "Password") -> PasswordField:
    """A password that exists: any text that could be one."""
    return PasswordField(label, validators=[_given("Type your password."), _at_most(LONGEST)])


def new_password_field(label: str = "Password") -> PasswordField:
    """A password that somebody chooses."""
    return PasswordField(
        label,
        description=f"At least {SHORTEST} characters. A few words that nobody would guess are fine.",
        validators=[_given("Choose a password."), _long_enough, _at_most(LONGEST)],
    )


def name_field(label: str, missing: str, longest: int = LONGEST_NAME, **more: Any) -> StringField:
    """A name for people, trimmed, in one line. `missing`: what is said where none is typed."""
    return StringField(label, filters=[_trimmed], validators=[_given(missing), _printable, _at_most(longest)], **more)


def secret_field(label: str, missing: str | None, **more: Any) -> PasswordField:
    """A key that is pasted; a page never shows what was typed. `missing`: what is said where none is, None where it may be left out."""
    needed = [_given(missing)] if missing else [_unless_empty]
    return PasswordField(label, filters=[_trimmed], validators=[*needed, _one_word, _at_most(LONGEST_SECRET)], **more)


def text_field(label: str, missing: str | None, **more: Any) -> StringField:
    """Any line of text; `missing` as above."""
    needed = [_given(missing)] if missing else [_unless_empty]
    return StringField(label, filters=[_trimmed], validators=[*needed, _printable, _at_most(LONGEST_NAME)], **more)


def link_field(label: str, missing: str | None, **more: Any) -> URLField:
    """The address of a web page, with or without its https://; `missing` as above."""
    needed = [_given(missing)] if missing else [_unless_empty]
    return URLField(label, filters=[_trimmed, _with_scheme], validators=[*needed, _at_most(LONGEST_LINK), _is_link], **more)


def zone_field(label: str = "Time zone") -> SelectField:
    """The zone in which times are shown."""
    return SelectField(label, choices=zones, default="UTC", description="Times are shown in it. What happened when is kept in UTC.")


@cache
def zones() -> list[SelectChoice]:
    """The zones by area, as the choices of a field: the places, without what is only an old spelling of an offset."""
    names = sorted(name for name in zoneinfo.available_timezones() if name.split("/")[0] in _AREAS)
    return [SelectChoice("UTC", "UTC", optgroup="Universal"), *(_zone(name) for name in names)]


def _zone(name: str) -> SelectChoice:
    area, _, place = name.partition("/")
    return SelectChoice(name, place.replace("_", " ").replace("/", ": "), optgroup=area)


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def _lowered(text: str | None) -> str | None:
    return text.lower() if text else text


def _given(missing: str) -> Any:
    def check(_: Form, field: Field) -> None:
        if not field.data:
            field.errors = []
            raise StopValidation(missing)

    return check


def _unless_empty(_: Form, field: Field) -> None:
    if not field.data:
        raise StopValidation


def _with_scheme(text: str | None) -> str | None:
    return f"https://{text}" if text and "://" not in text else text


def _is_link(_: Form, field: Field) -> None:
    try:
        parts = urlsplit(field.data)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username and parts.port != 0
    except ValueError:
        good = False
    if not good or not field.data.isprintable() or " " in field.data:
        raise StopValidation("This is not the address of a web page.")


def _one_word(_: Form, field: Field) -> None:
    if not (field.data.isascii() and field.data.isprintable()) or " " in field.data:
        raise StopValidation("This has a space or a character that no key has. Copy it once more.")


def _at_most(most: int) -> Any:
    def check(_: Form, field: Field) -> None:
        if len(field.data) > most:
            raise StopValidation(f"This is longer than {most} characters.")

    return check


def _is_email(_: Form, field: Field) -> None:
    text = field.data
    if len(text) > LONGEST_EMAIL or not text.isprintable() or not _EMAIL.fullmatch(text):
        raise StopValidation("This is not an e-mail address.")


def _printable(_: Form, field: Field) -> None:
    if not field.data.isprintable():
        raise StopValidation("This has a character that cannot be shown.")


def _long_enough(_: Form, field: Field) -> None:
    if len(field.data) < SHORTEST:
        raise StopValidation(f"Too short: at least {SHORTEST} characters.")
