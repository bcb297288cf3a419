"""The ground of every form: Flask-WTF's, with what all our forms share. No form of a page lives here."""

from __future__ import annotations

from flask_wtf import FlaskForm


class Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form of ours. CSRF is held for every request in `webapp.pages.guard`; the field is there for pages without scripts."""

    def sent(self) -> bool:
        """Whether the request posts this form and everything typed is right."""
        return bool(self.validate_on_submit())
