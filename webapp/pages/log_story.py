"""An entry's page: what there is to do about it, its story step by step, its facts. Numbers and words in, none of it HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from webapp.apps import App
from webapp.apps.registry import APPS
from webapp.engine import states
from webapp.engine.decided import Decided
from webapp.engine.purchase_import import KEY as IMPORTS
from webapp.engine.states import State
from webapp.engine.story import Request, Story
from webapp.engine.triggers import TRIGGERS
from webapp.models import Call
from webapp.pages import times

GAP = timedelta(seconds=20)
"""From so long a wait on, the story shows it."""
UNRULED = ("no_rule", "nothing", "not_understood")
ENDED = ("succeeded", "unchanged", "skipped")


@dataclass(frozen=True)
class Step:
    """One step of the story: when, its mark (icon and tone), what happened, what stands at the right, and more of it below.

    `kind` says what `about` is: the event, the entries beside it, the rules that came close, what was wrong with the message, one request.
    `gap`: after it came a wait.
    """

    at: datetime | None
    icon: str
    title: str
    side: str = ""
    text: str = ""
    tone: str = ""
    kind: str = ""
    about: Any = None
    gap: bool = False


@dataclass(frozen=True)
class Page:
    """What the page offers and tells: `remedy` is the main thing to do (label, address, icon) where there is one beside replaying."""

    happened: str
    todo: str
    remedy: tuple[str, str, str] | None
    replay: bool
    skip: bool
    cancel: bool
    kept: bool
    steps: list[Step]
    version: str


def version(story: Story) -> str:
    """What changes whenever the page would."""
    return f"{story.row.changed_at.timestamp():.6f}-{story.row.status}-{len(story.requests)}"


def page(story: Story, decided: Decided, erased_before: datetime | None = None) -> Page:
    """Everything that depends on how the entry stands. `erased_before`: when somebody of the same address was erased, where somebody was."""
    row, state = story.row, _state(story)
    asked = row.status not in UNRULED and bool(story.action) and not story.erased
    return Page(
        happened=_happened(story, state),
        todo=_todo(story, state),
        remedy=_remedy(story, state),
        replay=asked and not row.open and not (story.broken and row.status == "failed"),
        skip=asked and (row.status == "failed" or (row.open and row.status != "running" and not story.coming)),
        cancel=story.coming,
        kept=story.kept,
        steps=list(_steps(story, decided, erased_before)),
        version=version(story),
    )


def status_line(call: Call) -> str:
    """`404 Not Found`"""
    try:
        return f"{call.status} {HTTPStatus(call.status).phrase}"
    except ValueError:
        return str(call.status)


def _app(story: Story) -> App | None:
    return APPS.get(story.integration.app) if story.integration else None


def _state(story: Story) -> State | None:
    """How the integration stands, where that is what the entry waits for."""
    app = _app(story)
    if story.row.status != "parked" or not story.row.stop or story.integration is None or app is None:
        return None
    return states.state(story.integration, app)


def _happened(story: Story, state: State | None) -> str:
    return state.sentence if state else story.row.says


def _todo(story: Story, state: State | None) -> str:
    if state:
        return " ".join(filter(None, [state.todo, "This entry then runs by itself, in its turn."]))
    return story.row.todo or "Nothing."


def _remedy(story: Story, state: State | None) -> tuple[str, str, str] | None:
    row = story.row
    if row.status == "failed" and story.broken and story.rule:
        return "Repair rule", f"/rules/{story.rule.id}/edit", "wrench"
    if state and state.key == "attention" and state.remedy == "key":
        return "Reconnect", f"/settings/integrations/{row.integration_id}/edit", "key"
    if state:
        return "Go to Integrations", f"/settings/integrations#integration-{row.integration_id}", "sliders"
    return None


def _steps(story: Story, decided: Decided, erased_before: datetime | None) -> Iterator[Step]:
    if erased_before:
        local = erased_before.astimezone(times.here())
        text = f"That was on {local.day} {local:%B %Y}. What was bought, given or taken until then is not known any more: it begins anew."
        yield Step(None, "person", "A customer with this address was erased before", text=text)
    if story.event:
        yield from _arrival(story)
    if story.replays_id:
        yield Step(story.row.at, "replay", "Replayed by hand", kind="replays", about=story.replays_id)
    if story.row.status not in {"nothing", "not_understood"}:
        yield _rules(story, decided)
    if decided.should or decided.known:
        yield _decision(story, decided)
    yield from _requests(story)
    yield from _ending(story)


def _arrival(story: Story) -> Iterator[Step]:
    event = story.event
    if event is None:
        return
    late = event.received_at - event.at
    text = f"It happened {times.duration(late)} before it arrived." if late > timedelta(minutes=5) else ""
    if story.source == IMPORTS:
        yield Step(event.received_at, "in", "Imported from a file", event.type, kind="event", about=event)
        return
    sender = "Cartwheel sent a test event" if event.test else "Your checkout sent a message"
    yield Step(event.received_at, "in", sender, event.type, text, kind="event", about=event)
    checked = "Signature checked" if story.source == "cartwheel" else "Address checked"
    if event.errors:
        yield Step(
            event.received_at, "ask", f"{checked}, but the message was not understood", tone="odd", kind="errors", about=event.errors
        )
    else:
        yield Step(event.received_at, "shield", f"{checked} and message understood")


def _rules(story: Story, decided: Decided) -> Step:
    if story.row.status == "no_rule":
        trigger = TRIGGERS.get(story.row.trigger or "")
        text = f"It was looked for one on {trigger.label}." if trigger else ""
        return Step(story.row.at, "fork", "No rule matched", text=text, kind="close", about=decided.close)
    if story.by:
        return Step(story.row.at, "person", story.by)
    others = [other for other in story.beside if other.ruled]
    matched = len(others) + 1
    return Step(story.row.at, "fork", times.plural(matched, "rule matched", "rules matched"), kind="rules", about=(others, decided.close))


def _decision(story: Story, decided: Decided) -> Step:
    """What was made of what should be and what was known."""
    if not story.row.open:
        calls = len(story.requests)
        title = times.plural(calls, "call was needed", "calls were needed") if calls else "No call was needed"
    elif decided.planned:
        title = times.plural(len(decided.planned), "call is needed", "calls are needed")
    else:
        title = "What should be, and what is known"
    return Step(None, "sliders", title, kind="decided", about=decided)


def _requests(story: Story) -> Iterator[Step]:
    requests, app = story.requests, _app(story)
    for number, request in enumerate(requests, 1):
        following = requests[number].call.at if number < len(requests) else None
        waited = following is not None and following - request.call.at > GAP
        last = number == len(requests)
        yield _request(request, number, len(requests), app.name if app else "The app", story, last, waited)


def _request(request: Request, number: int, of: int, app: str, story: Story, last: bool, waited: bool) -> Step:
    call = request.call
    good = request.done or (last and story.row.status in ENDED)
    title = f"{call.says[:1].upper()}{call.says[1:]}" or f"{call.method} {call.path}"
    texts = [
        "" if request.done else f"{app} answered {status_line(call)}." if call.status else call.answer or f"{app} did not answer.",
        times.plural(request.shared, "other entry was", "other entries were") + " served by the same call." if request.shared else "",
    ]
    return Step(
        at=call.at,
        icon="ok" if good else "cross",
        tone="ok" if good else "bad",
        title=f"Call {number}: {title}" if of > 1 else title,
        side=" · ".join(filter(None, [str(call.status or ""), times.duration(call.duration_ms / 1000)])),
        text=" ".join(filter(None, texts)),
        kind="request",
        about=(call, last),
        gap=waited or (last and story.row.open),
    )


def _ending(story: Story) -> Iterator[Step]:
    """What it waits for; or, where no call says how it ended, how."""
    row = story.row
    if row.status == "running":
        yield Step(None, "run", "A call is under way", tone="run")
    elif row.open:
        icon, title = _waiting(story)
        yield Step(_next(story), icon, title)
    elif row.finished_at and not story.requests and row.status in {"unchanged", "failed", "skipped"}:
        icon, tone = {"failed": ("cross", "bad"), "skipped": ("dash", "")}.get(row.status, ("same", ""))
        yield Step(row.finished_at, icon, row.sentence.rstrip("."), tone=tone)
    elif row.status == "skipped":
        yield Step(row.finished_at, "dash", "Skipped")


def _waiting(story: Story) -> tuple[str, str]:
    row = story.row
    match row.status:
        case "parked" if row.stop:
            return ("bars", f"Waits until {row.integration} is {'connected again' if row.stop == 'attention' else 'resumed'}")
        case "parked":
            return ("bars", "Waits for the next day")
        case "retrying":
            return ("retry", "Will be tried again")
        case _ if row.due_at:
            return ("clock", "Waits for its time")
    return ("clock", "Waits for its turn")


def _next(story: Story) -> datetime | None:
    return story.row.due_at or (story.lane.retry_at if story.lane else None)
