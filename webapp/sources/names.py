"""What the sources are called, by their keys: for who tells of them and reads nothing of what they send."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMES: Mapping[str, str] = MappingProxyType({"cartwheel": "Cartwheel", "samcart": "SamCart"})
