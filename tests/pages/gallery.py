"""Every component on pages of its own, for the browser to look at: a little app with made-up data, and no database."""

from __future__ import annotations
