"""The forms of products: one by hand, another name, many from a file."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import Field, StringField
from wtforms import Form as AnyForm
from wtforms.validators import StopValidation

from webapp.engine import products
from webapp.forms.base import Form


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def _is_id(_: AnyForm, field: Field) -> None:
    wrong = products.id_error(field.data or "")
    if wrong:
        raise StopValidation(wrong)


def _is_name(_: AnyForm, field: Field) -> None:
    wrong = products.name_error(field.data or "")
    if wrong:
        raise StopValidation(wrong)


def _is_given(_: AnyForm, field: Field) -> None:
    if not field.data:
        raise StopValidation("Give the product a name.")


class AddProduct(Form):
    """A product by hand."""

    external_id = StringField(
        "Product id",
        filters=[_trimmed],
        validators=[_is_id],
        description="As your checkout sends it. It can't be changed later.",
    )
    name = StringField("Name", filters=[_trimmed], validators=[_is_name], description="As you and your team know it.")


class RenameProduct(Form):
    """Another name."""

    name = StringField("Name", filters=[_trimmed], validators=[_is_given, _is_name])


class ImportFile(Form):
    """A file to be looked at. What it may be is checked where it is read."""

    file = FileField("CSV file", description="UTF-8, at most 1 MiB and 5,000 lines.")


class ImportPurchases(Form):
    """A file of past purchases. What it may be is checked where it is read."""

    file = FileField("CSV file", description="UTF-8, at most 1 MiB and 20,000 lines.")
