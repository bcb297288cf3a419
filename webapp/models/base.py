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


class UTC(TypeDecorator[datetime]):
    """An aware datetime in UTC; a naive one is refused. SQLite, which has no zones, holds the same without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC for the database; raises ValueError for a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The same, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=utc) if value.tzinfo is None else value.astimezone(utc)


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
    registry = registry(metadata=metadata, type_annotation_map={datetime: UTC, dict[str, Any]: JSON, list[Any]: JSON})
