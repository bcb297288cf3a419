"""The switches: what may happen to a merchant's community, to see what Cartwheel makes of it. And the community's API keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.community import Community
from sandbox.community_pages import standing
from sandbox.web import Request, Response, Site, page, see

LASTS: Mapping[str, int | None] = {"1 minute": 60, "10 minutes": 600, "until I end it": None}


def show(site: Site, _request: Request, *, key: str = "", error: str = "") -> Response:
    """`GET /community/switches`. `key` is one that was just made: it is shown this once."""
    with site.box.open():
        community = site.box.community
        about = {"name": community.world.name, "members": sum(1 for _ in community.state.all_active())}
        return page(
            site,
            "switches.html",
            status=422 if error else 200,
            tab="Switches",
            community=about,
            standing=standing(community),
            modes=community.modes,
            troubled=_troubled(community),
            tails=[one[-4:] for one in community.tokens],
            lasts=list(LASTS),
            key=key,
            error=error,
        )


def change(site: Site, request: Request) -> Response:
    """`POST /community/switches`: one of the forms, named by `switch`."""
    turn = SWITCHES.get(request.text("switch"))
    if turn is None:
        raise LookupError("There is no such switch.")
    with site.box.open():
        try:
            community = site.box.community
            community.modes = community.modes.changed(turn(community, request))
        except ValueError as e:
            return show(site, request, error=str(e))
    return see("/community/switches")


def new_key(site: Site, request: Request) -> Response:
    """`POST /community/keys`: one more API key. The page that answers is the only one that shows it."""
    key = f"sandbox-{secrets.token_hex(12)}"
    with site.box.open():
        site.box.community.add_token(key)
    return show(site, request, key=key)


def delete_key(site: Site, request: Request) -> Response:
    """`POST /community/keys/{id}/delete`, by the key's last four characters."""
    with site.box.open():
        for one in [token for token in site.box.community.tokens if token[-4:] == request.id]:
            site.box.community.delete_token(one)
    return see("/community/switches")


def reset(site: Site, _request: Request) -> Response:
    """`POST /community/reset`: community and checkout as they were in the beginning."""
    site.box.reset()
    return see("/community")


def _troubled(community: Community) -> bool:
    until = community.modes.trouble_until
    return community.modes.trouble != "none" and (until is None or community.world.now().timestamp() < until)


def _plan(_: Community, request: Request) -> dict[str, Any]:
    return {"plan_without_api": request.text("plan") == "without"}


def _trouble(community: Community, request: Request) -> dict[str, Any]:
    seconds = LASTS.get(request.text("lasts"), 60)
    until = None if seconds is None else community.world.now().timestamp() + seconds
    return {"trouble": request.text("trouble"), "trouble_until": until}


def _limits(_: Community, request: Request) -> dict[str, Any]:
    return {
        "daily_limit": request.number("daily_limit"),
        "member_limit": request.number("member_limit"),
        "rate_calls": request.number("rate_calls"),
        "rate_seconds": float(request.number("rate_seconds") or 300),
    }


SWITCHES: Mapping[str, Callable[[Community, Request], dict[str, Any]]] = {"plan": _plan, "trouble": _trouble, "limits": _limits}
