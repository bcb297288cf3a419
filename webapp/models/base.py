"""The ground of every model: the declarative base, ids, times and JSON. No model lives here."""

from __future__ import annotations

from datetime import UTC as utc
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Integer, MetaData
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.types import TypeDecorator

Id = BigInteger().with_variant(Integer(), "sqlite")
"""63-bit ids, made in the process (`webapp.ids`): on SQLite the row's own id, which needs the word INTEGER."""


_JSON = JSON(none_as_null=True)


class UTC(TypeDecorator[datetime]):
    """An aware datetime in UTC; a naive one is refused. SQLite, which has no zones, holds the same without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        """For SQLite, which keeps times as text, the text at once: several times an event, this is what the library's own way costs most."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """And back."""
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC for the database; raises ValueError for a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The same."""
        return value.astimezone(utc) if value is not None else None


def _as_text(value: datetime | None) -> str | None:
    """`2026-11-24 08:00:00.000000`, as SQLAlchemy writes it, too. Raises ValueError for a time without a zone."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(utc).isoformat(" ", "microseconds")[:26]


def _from_text(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=utc) if text is not None else None


class Base(DeclarativeBase):
    """The base of all models. Constraints have names, so that migrations can speak of them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # On the registry, not the class: Flask-SQLAlchemy copies the class together with its registry.
    registry = registry(metadata=metadata, type_annotation_map={datetime: UTC, dict[str, Any]: _JSON, list[Any]: _JSON})
