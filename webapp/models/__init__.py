"""The records, one file a word. Plain SQLAlchemy: no Flask, no queries, no decisions."""

from webapp.models.access import Grant, Holding, Lane
from webapp.models.alert import Alert, Heard, Watch
from webapp.models.audit import AuditLine
from webapp.models.base import Base
from webapp.models.batch import Batch, BatchItem, Lease
from webapp.models.check import Check
from webapp.models.customer import Customer, Purchase, Step
from webapp.models.event import Event, Happening
from webapp.models.integration import Integration, Stop, Target, Usage
from webapp.models.log import OPEN, Call, CallEntry, LogEntry
from webapp.models.marketplace import Marketplace
from webapp.models.outbox import Outgoing
from webapp.models.product import Product
from webapp.models.rule import PAID_PERIOD, Rule
from webapp.models.source import Receipt, Source
from webapp.models.tally import Fold, Quarter, Shape, Tally
from webapp.models.user import ROLES, Invitation, OneTimeLink, RecoveryCode, Role, SignedIn, User

__all__ = [
    "OPEN", "PAID_PERIOD", "ROLES", "Alert", "AuditLine", "Base", "Batch", "BatchItem", "Call", "CallEntry", "Check", "Customer", "Event",
    "Fold", "Grant", "Happening", "Heard", "Holding", "Integration", "Invitation", "Lane", "Lease", "LogEntry", "Marketplace", "OneTimeLink",
    "Outgoing", "Product", "Purchase", "Quarter", "Receipt", "RecoveryCode", "Role", "Rule", "Shape", "SignedIn", "Source", "Step", "Stop",
    "Tally", "Target", "Usage", "User", "Watch",
]  # fmt: skip
