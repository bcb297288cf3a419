"""Every kind of checkout that can be understood, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from webapp.sources import Source
from webapp.sources.cartwheel import CARTWHEEL
from webapp.sources.samcart import SAMCART

SOURCES: Mapping[str, Source] = MappingProxyType({CARTWHEEL.key: CARTWHEEL, SAMCART.key: SAMCART})
"""The sources by their keys. A new one is one new file, its name (`names`) and one word here."""
