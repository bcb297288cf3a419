"""A rule as a sentence, in parts, so that a page can underline what was chosen. Pure; nothing is decided here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from webapp.apps import Action
from webapp.engine.triggers import Trigger
from webapp.models import PAID_PERIOD

SPARE = "unless another purchase still grants it"
ALWAYS = "in any case"
ANY_PRODUCT = "any product"


class Part(NamedTuple):
    """A piece of a sentence; `chosen` where it is something that the merchant picked."""

    text: str
    chosen: bool = False


Sentence = tuple[Part, ...]


def plain(sentence: Iterable[Part]) -> str:
    """The sentence without emphasis."""
    return "".join(part.text for part in sentence)


def days(count: int) -> str:
    """ "1 day", "30 days"."""
    return "1 day" if count == 1 else f"{count:,} days"


def sentence(
    trigger: Trigger,
    action: Action,
    *,
    product: str | None,
    target: str,
    integration: str,
    removal: str | None = None,
    for_days: int | None = None,
    after_days: int = 0,
) -> Sentence:
    """The whole rule: "When Ads 101 is purchased, add the customer to the space VIP Room in My community."

    `product` is its name, None for a global rule. `for_days` counts for adds, `removal` and `after_days` for removals.
    """
    named = Part(product, chosen=True) if product is not None else Part(ANY_PRODUCT)
    names = {"product": named, "target": Part(target, chosen=True), "integration": Part(integration, chosen=True)}
    parts = [Part("When "), *_filled(trigger.when, names), Part(", "), *_filled(action.phrase, names)]
    return _joined([*parts, *clause(action, removal, for_days, after_days), Part(".")])


def clause(action: Action, removal: str | None, for_days: int | None, after_days: int) -> Sentence:
    """How long, when and what is spared, with its own space or comma: " 3 days later, unless another purchase still grants it"."""
    if action.adds:
        return (Part(" for "), Part(days(for_days), chosen=True)) if for_days else ()
    spared = f", {SPARE if removal == 'spare' else ALWAYS}"
    if after_days == PAID_PERIOD:
        return (Part(" at the "), Part("end of the paid period", chosen=True), Part(spared))
    if after_days:
        return (Part(" "), Part(days(after_days), chosen=True), Part(f" later{spared}"))
    return (Part(spared),)


def _filled(template: str, names: Mapping[str, Part]) -> list[Part]:
    """The template with its {words} replaced; a name may hold braces of its own."""
    pieces = re.split(r"\{(\w+)\}", template)
    return [names[piece] if odd % 2 else Part(piece) for odd, piece in enumerate(pieces)]


def _joined(parts: Iterable[Part]) -> Sentence:
    """The same with neighbours of one kind put together and the empty ones left out."""
    made: list[Part] = []
    for part in parts:
        if made and made[-1].chosen == part.chosen:
            made[-1] = Part(made[-1].text + part.text, part.chosen)
        elif part.text:
            made.append(part)
    return tuple(made)
