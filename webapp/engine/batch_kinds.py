"""The kinds of batch, one table."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.engine.batch_work import Kind
from webapp.engine.past import PAST

_ALL = (PAST,)

KINDS: Mapping[str, Kind] = {kind.key: kind for kind in _ALL}
"""By the key that `models.Batch.kind` names."""
