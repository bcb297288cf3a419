"""Why a customer should hold something, what the app is believed to say, and the lane in which both are made to agree."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, SmallInteger, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Lane(Base):
    """One customer's work at one integration, done by one worker at a time.

    `rank`: which lanes of an integration go first where many are due: its most urgent entry's (`webapp.engine.ranks`).

    `due_at`: when somebody should look at it (null: nothing waits). While it is claimed (`claim`, the taker's token) until `claimed_until`,
    `due_at` is that time. `retry_at`: it backs off until then; `attempts` counts its passing failures in a row.
    `look_at`: when what is desired must be held against what is believed though no entry waits, since something was told of the past, or
    since time gives or takes something then.
    `member_id`: the customer's id in the app. `alias`: their address there where it is another than the customer's; `alias_by`: `merchant`
    or `learned`; `alias_at`: since when it is known.
    """

    __tablename__ = "lanes"
    __table_args__ = (UniqueConstraint("customer_id", "integration_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    customer_id: Mapped[int] = mapped_column(Id, ForeignKey("customers.id", ondelete="CASCADE"))
    integration_id: Mapped[int] = mapped_column(Id, ForeignKey("integrations.id", ondelete="CASCADE"))
    rank: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    due_at: Mapped[datetime | None]
    claim: Mapped[str | None] = mapped_column(String(40))
    claimed_until: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    look_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    member_id: Mapped[str | None] = mapped_column(String(64))
    alias: Mapped[str | None] = mapped_column(String(320))
    alias_by: Mapped[str | None] = mapped_column(String(16))
    alias_at: Mapped[datetime | None]


Index("ix_lanes_waiting", Lane.integration_id, Lane.rank, Lane.due_at,
      sqlite_where=Lane.due_at.is_not(None), postgresql_where=Lane.due_at.is_not(None))  # fmt: skip


class Grant(Base):
    """One mark on the record of what a customer should hold at an integration: `purchase_id` is whose doing it is.

    `op`: `open` or `close` what this purchase grants on the target, `clear` what all purchases grant there; by a person, `veto` it
    or `lift` the veto. `at` is the event's time; where it waits (`asked_at` is the event's time then), the time it waits for.
    `recoverable`: a recovery in between undoes it. `paid_period`: it acts when what was paid for ends. `until`: how long an opening
    holds. `void`: refuted by a later message. `tie` decides between equal times. The newest decide: `webapp.engine.access`. `rule_id`:
    whose doing it is, where a rule's.
    """

    __tablename__ = "grants"
    __table_args__ = (Index(None, "lane_id"), Index(None, "purchase_id"), Index(None, "happening_id"), Index(None, "rule_id", "lane_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    lane_id: Mapped[int] = mapped_column(Id, ForeignKey("lanes.id", ondelete="CASCADE"))
    target_id: Mapped[int] = mapped_column(Id)
    purchase_id: Mapped[int] = mapped_column(Id, ForeignKey("purchases.id", ondelete="CASCADE"))
    happening_id: Mapped[int | None] = mapped_column(Id)
    entry_id: Mapped[int] = mapped_column(Id)
    rule_id: Mapped[int | None] = mapped_column(Id)
    op: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime]
    tie: Mapped[str] = mapped_column(String(256))
    until: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    recoverable: Mapped[bool] = mapped_column(default=False)
    paid_period: Mapped[bool] = mapped_column(default=False, server_default=false())
    void: Mapped[bool] = mapped_column(default=False)


class Holding(Base):
    """What the app is believed to say about one customer and one target: held / not_held / unknown, since when, when last heard, on whose word.

    `word`: `call`, a call of ours has made it so; `found`, a call's answer said that it was so already; `check`,
    a check that somebody asked for has found it so; `replay`, a person doubts it.
    """

    __tablename__ = "holdings"

    lane_id: Mapped[int] = mapped_column(Id, ForeignKey("lanes.id", ondelete="CASCADE"), primary_key=True)
    target_id: Mapped[int] = mapped_column(Id, primary_key=True)
    held: Mapped[str] = mapped_column(String(8))
    since: Mapped[datetime]
    heard_at: Mapped[datetime]
    word: Mapped[str] = mapped_column(String(16))
