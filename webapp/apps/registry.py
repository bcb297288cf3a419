"""Every app that can be connected, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from webapp.apps import App
from webapp.apps.circle import CIRCLE

APPS: Mapping[str, App] = MappingProxyType({CIRCLE.key: CIRCLE})
"""The apps by their keys. A new one is one new folder and one word here."""
