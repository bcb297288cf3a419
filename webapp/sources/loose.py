"""JSON as checkouts really send it: half a character, a byte order mark, and what is no JSON at all, in plain words."""

from __future__ import annotations

import json
import re
from typing import Any

from webapp.sources.values import UNREADABLE

_SURROGATES = re.compile("[\ud800-\udfff]")


def loads(body: bytes) -> Any:
    """What a body says. Half a character (`\\ud83d`, where a checkout has cut a name in the middle of an emoji) becomes UNREADABLE.

    Raises ValueError with a sentence for what is not JSON, or can't be read.
    """
    try:
        said = json.loads(body.decode("utf-8-sig"))
        text = json.dumps(said, ensure_ascii=False)
        return json.loads(_SURROGATES.sub(UNREADABLE, text)) if _SURROGATES.search(text) else said
    except UnicodeDecodeError:
        raise ValueError("The body is not UTF-8.") from None
    except json.JSONDecodeError as e:
        raise ValueError(f"The body is not JSON: {e.msg} at line {e.lineno}, column {e.colno}.") from None
    except (ValueError, RecursionError):
        raise ValueError("The body has numbers too long or lists too deep to be read.") from None


def printable(text: str) -> str:
    """A text that can be shown, whatever was in it."""
    return "".join(c if c.isprintable() else UNREADABLE for c in text)
