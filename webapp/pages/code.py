"""JSON for people: indented, and coloured by spans with a class. What comes in may be anybody's; everything is escaped, secrets masked."""

from __future__ import annotations

import json
import re

from markupsafe import Markup, escape

from webapp.sources.registry import SOURCES

TOKEN = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)')

MASK = "•••"
SECRETS = sorted({field for source in SOURCES.values() for field in source.masked})
_SECRET = re.compile(
    r"(?P<name>\b(?:{names})\b[\"']?\s*[:=]\s*)(?P<value>\"(?:[^\"\\]|\\.)*\"?|(?!null\b)[^\s,;&}}\]\"]+)".format(
        names="|".join(map(re.escape, SECRETS))
    )
)


def masked(text: str) -> str:
    """A checkout's message without the values that its source knows to be secret, also where it is no JSON, or broken."""
    return _SECRET.sub(lambda found: found["name"] + (f'"{MASK}"' if ":" in found["name"] else MASK), text)


def json_html(value: object) -> Markup:
    """`value` as indented JSON with coloured keys, strings and numbers. A string is taken as JSON already, and as it is when it is none."""
    text = _pretty(value)
    if text is None:
        return Markup("") + str(value)
    pieces, at = [], 0
    for token in TOKEN.finditer(text):
        pieces += [escape(text[at : token.start()]), _span(token)]
        at = token.end()
    return Markup("").join([*pieces, escape(text[at:])])


def _pretty(value: object) -> str | None:
    try:
        return json.dumps(json.loads(value) if isinstance(value, str | bytes) else value, indent=2, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return None


def _span(token: re.Match[str]) -> Markup:
    kind = "n" if token["number"] else "k" if token["colon"] else "s"
    return Markup('<span class="{}">{}</span>{}').format(kind, token["number"] or token["string"], token["colon"] or "")
