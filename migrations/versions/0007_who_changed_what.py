"""Who changed what: one line for each change that a person makes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "audit_lines",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("user_id", Id, nullable=True),
        sa.Column("who", sa.String(320), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("about", sa.String(600), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name=op.f("fk_audit_lines_marketplace_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_lines")),
    )
    op.create_index(op.f("ix_audit_lines_marketplace_id_id"), "audit_lines", ["marketplace_id", "id"])


def downgrade() -> None:
    op.drop_table("audit_lines")
