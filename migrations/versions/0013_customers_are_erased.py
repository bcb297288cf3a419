"""Since when a customer is erased, and the digest by which a later message about them is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ERASED = sa.text("erased_as IS NOT NULL")


def upgrade() -> None:
    op.add_column("customers", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("customers", sa.Column("erased_as", sa.String(64), nullable=True))
    op.create_index(
        "ix_customers_erased", "customers", ["marketplace_id", "erased_as"], sqlite_where=ERASED, postgresql_where=ERASED
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_customers_erased", "customers")
    op.drop_column("customers", "erased_as")
    op.drop_column("customers", "erased_at")
