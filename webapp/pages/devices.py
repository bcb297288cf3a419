"""What a browser is called, from what it says of itself: a hint for whoever looks through their sessions, and no proof of anything."""

from __future__ import annotations

BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari", "curl/": "curl"}
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS X": "macOS", "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip
"""What stands in a browser's words, in the order in which one includes another."""


def called(agent: str) -> str:
    """`Firefox on Linux`; "A browser" where nothing is known."""
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), "A browser")
    system = next((name for mark, name in SYSTEMS.items() if mark in agent), "")
    return f"{browser} on {system}" if system else browser
