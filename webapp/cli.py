"""The flask commands. Each reads its arguments, calls the engine and prints; decisions live there."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Give the app its commands."""
