"""The community's pages: who is a member and where, what there is, and the calls that came. Their buttons are what people do in Circle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from sandbox.community import Call, Community
from sandbox.state import Kind, Member, State
from sandbox.web import Request, Response, Site, clock, page, see

PER_PAGE = 40
CALLS = 80
KINDS: Mapping[Kind, tuple[str, str]] = {
    "group": ("Space groups", "space group"),
    "space": ("Spaces", "space"),
    "event": ("Events", "event"),
    "tag": ("Tags", "tag"),
}


def members(site: Site, request: Request) -> Response:
    """`GET /community`: the members, the newest first; `q` narrows by name and e-mail, `page` counts from 1."""
    asked = request.query.get("q", "").strip()
    number = request.query.get("page", "1")
    at = max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 7 else 1
    with site.box.open():
        state = site.box.community.state
        everybody = [one for one in state.all_active() if asked.lower() in f"{one.name} {one.email}".lower()]
        everybody.sort(key=lambda one: (one.joined_at, one.id), reverse=True)
        rows = [(one, _held(state, one)) for one in everybody[(at - 1) * PER_PAGE : at * PER_PAGE]]
        more = at * PER_PAGE < len(everybody)
        return _page(site, "members.html", "Members", rows=rows, found=len(everybody), asked=asked, at=at, more=more)


def member(site: Site, request: Request, *, error: str = "", typed: str | None = None) -> Response:
    """`GET /community/members/{id}`."""
    with site.box.open():
        found = _member(site.box.community, request.id)
        status = 422 if error else 200
        held = _held(site.box.community.state, found)
        typed = found.email if typed is None else typed
        return _page(site, "member.html", "Members", status=status, member=found, held=held, error=error, typed=typed)


def change_email(site: Site, request: Request) -> Response:
    """`POST /community/members/{id}/e-mail`."""
    new = request.text("email")
    with site.box.open():
        found = _member(site.box.community, request.id)
        if "@" not in new:
            return member(site, request, error="An e-mail address has an @ in it.", typed=new)
        try:
            site.box.community.change_email(found.email, new)
        except ValueError as e:
            return member(site, request, error=f"{e}.", typed=new)
    return see(f"/community/members/{request.id}")


def remove(site: Site, request: Request) -> Response:
    """`POST /community/members/{id}/remove`."""
    with site.box.open():
        site.box.community.remove_member(_member(site.box.community, request.id).email)
    return see("/community")


def places(site: Site, _request: Request, *, error: str = "", typed: str = "") -> Response:
    """`GET /community/spaces`: space groups with their spaces, events and tags."""
    with site.box.open():
        state = site.box.community.state
        groups = [(group, [one for one in state.of_kind("space") if one.group == group.id]) for group in state.of_kind("group")]
        return _page(
            site,
            "places.html",
            "Spaces",
            status=422 if error else 200,
            groups=groups,
            alone=[one for one in state.of_kind("space") if one.group is None],
            events=state.of_kind("event"),
            tags=state.of_kind("tag"),
            count={one.id: len(state.within(one.kind, one.id)) for one in state.targets.values()},
            kinds=KINDS,
            error=error,
            typed=typed,
        )


def add_place(site: Site, request: Request) -> Response:
    """`POST /community/spaces`: one more of `kind`, called `name`; a space in the group `group`."""
    name, kind = request.text("name"), request.text("kind")
    if not name:
        return places(site, request, error="Give it a name.")
    with site.box.open():
        community = site.box.community
        if kind == "space":
            community.add_space(name, request.number("group"))
        else:
            {"group": community.add_group, "event": community.add_event, "tag": community.add_tag}[kind](name)
    return see("/community/spaces")


def delete_place(site: Site, request: Request) -> Response:
    """`POST /community/spaces/{id}/delete`. What was deleted already stays so."""
    with site.box.open():
        if _number(request.id) in site.box.community.state.targets:
            site.box.community.delete(_number(request.id))
    return see("/community/spaces")


def calls(site: Site, _request: Request) -> Response:
    """`GET /community/calls`: the newest calls first."""
    with site.box.open():
        came = site.box.community.calls
        called = site.box.community.called
        newest = list(enumerate(came[-CALLS:], called - min(CALLS, len(came))))[::-1]
        rows = [(number, one, _about(one), _tone(one), _sent(one)) for number, one in newest]
        metered, wrong = site.box.community.metered, site.box.community.violations[-5:][::-1]
        return _page(site, "calls.html", "Calls", rows=rows, total=called, metered=metered, wrong=wrong)


def standing(community: Community) -> list[str]:
    """What is switched so that Cartwheel would notice: for every page of the community."""
    modes, now = community.modes, community.world.now()
    until = modes.trouble_until
    lasts = until is None or now.timestamp() < until
    end = "" if until is None else f" until {clock(now.fromtimestamp(until, UTC))}"
    trouble = {"error": f"answers 503{end}", "hang": f"does not answer{end}"}.get(modes.trouble, "") if lasts else ""
    said = [
        trouble,
        "" if community.tokens and modes.key == "good" else "has no API key that works",
        "is on a plan without the API" if modes.plan_without_api else "",
        "" if modes.daily_limit is None else f"takes in {modes.daily_limit} new members a day",
        "" if modes.member_limit is None else f"has room for {modes.member_limit} members",
        "" if modes.rate_calls is None else f"lets {modes.rate_calls} calls through in {modes.rate_seconds:g} s",
    ]
    return [one for one in said if one]


def _page(site: Site, template: str, tab: str, *, status: int = 200, **values: Any) -> Response:
    community = site.box.community
    about = {"name": community.world.name, "members": sum(1 for _ in community.state.all_active())}
    return page(site, template, status=status, tab=tab, community=about, standing=standing(community), **values)


def _member(community: Community, number: str) -> Member:
    found = community.state.members.get(_number(number))
    if found is None or not found.active:
        raise LookupError("They are not a member, or not any more.")
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1


def _held(state: State, one: Member) -> list[tuple[str, list[str]]]:
    """What a member is in, by kind. Spaces of a group that they hold as a whole are left to the group."""
    held = {kind: set(ids) for kind, ids in one.held.items()}
    for group in one.held["group"]:
        inside = state.spaces_in(group)
        held["space"] -= inside if inside <= held["space"] else set()
    return [(KINDS[kind][0], _names(state, held[kind])) for kind in KINDS if held[kind]]


def _names(state: State, ids: Iterable[int]) -> list[str]:
    return [state.targets[one].name for one in sorted(ids)]


def _about(call: Call) -> str:
    """The e-mail that a call is about, empty where it is about none."""
    fields = {**call.query, **call.body} if isinstance(call.body, dict) else call.query
    return next((str(fields[name]) for name in ("email", "user_email", "member_email") if name in fields), "")


def _tone(call: Call) -> str:
    if call.lost or call.status >= 500 or call.status == 0:
        return "wait"
    return "ok" if call.status < 400 else "bad"


def _sent(call: Call) -> str:
    """What a call carried, as text."""
    carried = {name: value for name, value in (("query", call.query), ("body", call.body)) if value}
    return json.dumps(carried, indent=2, ensure_ascii=False) if carried else ""
