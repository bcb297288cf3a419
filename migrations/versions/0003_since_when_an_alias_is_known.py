"""Since when it is known that a customer has another address in an app."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lanes", sa.Column("alias_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("lanes", "alias_at")
