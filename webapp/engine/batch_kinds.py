"""The kinds of batch, one table."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.engine.batch_work import Kind
from webapp.engine.past import PAST
from webapp.engine.purchase_import import IMPORT
from webapp.engine.replays import REPLAY
from webapp.engine.taking_back import TAKE_BACK

_ALL = (PAST, IMPORT, TAKE_BACK, REPLAY)

KINDS: Mapping[str, Kind] = {kind.key: kind for kind in _ALL}
"""By the key that `models.Batch.kind` names."""
