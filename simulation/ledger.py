"""The account of all calls: which had a reason, and whether as many had to be made. It looks at what was sent and at the community alone.

No belief of the engine's is asked: the ledger keeps its own account of what an answer has made certain. What exactly it claims, and why
that can be claimed, is in docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.community import Call as Request
from simulation.scene import CLUB, KINDS, MEMBER, PLACES
from webapp.apps import Answer, metered

TRUST = timedelta(hours=24)
"""For so long what an answer has made certain is asked no more."""

MOST = 20
"""Calls that no piece of work takes, whatever is answered."""

INSIDE = frozenset(place.name for place in PLACES if place.in_club)
EVENTS = frozenset(place.name for place in PLACES if place.kind == "event")
IDS = ("space_id", "space_group_id", "event_id", "member_tag_id")
CARRIED = ("space_ids", "space_group_ids", "member_tag_ids")
Held = frozenset[str] | None
"""What somebody holds in the community; None: they are no member."""


@dataclass(slots=True)
class Piece:
    """What one piece of work has done so far, and what its customer held when it began.

    `odd`: an answer was lost or refused something, or somebody else had a hand in it: then more may be needed than otherwise. `late`: its
    worker stood still longer than a claim holds, and what it writes down may be old.
    """

    email: str
    before: Held
    sent: int = 0
    useful: int = 0
    asked: int = 0
    odd: bool = False
    late: bool = False


@dataclass
class Ledger:
    """All calls of a run.

    `known`: when it was last made certain, by customer and place, that it is as it is. `renamed`: a place has another name than in the
    catalog, so that an invitation's answer is not recognized.
    """

    names: Mapping[int, str]
    known: dict[tuple[str, str], datetime] = field(default_factory=dict)
    renamed: bool = False
    pieces: dict[int, Piece] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def begin(self, work: int, email: str, before: Held) -> None:
        """A lane was claimed."""
        self.pieces[work] = Piece(email, before)

    def heard(self, work: int, request: Request, answer: Answer, now: datetime) -> None:
        """A call was made, and this is what came back."""
        piece, about = self.pieces[work], self._about(request)
        piece.sent += 1
        self._count("calls")
        self._count("metered", metered(answer.status))
        if piece.sent > MOST:
            self.faults.append(f"{piece.sent} calls for one piece of work")
        if request.lost or answer.status in (0, 401, 403, 429) or answer.status >= 500:
            self._count("lost")
            self.doubt(piece.email, about if request.method != "GET" else KINDS)  # it was asked since something was in question
            piece.odd = True
        elif request.method == "GET":
            piece.asked += 1
            piece.odd = piece.odd or answer.status >= 400
            if piece.odd:
                self.doubt(piece.email)  # who they are was in question, and so is everything that was refused before
        else:
            self._acted(piece, request, answer, about, now)

    def _acted(self, piece: Piece, request: Request, answer: Answer, about: list[str], now: datetime) -> None:
        main, email = about[0], piece.email
        joins = request.path == "/community_members"
        refused = answer.status >= 400
        leaves = main == MEMBER and not joins
        stays = leaves and refused and answer.status != 404  # the community does not let them go: nobody knew, and it may tomorrow
        outside = joins and refused and piece.before is None and not piece.useful  # nor in
        if request.changed:
            piece.useful += 1
            self._count("useful")
        else:
            self._count("renewed")
            fresh = self.known.get((email, main))
            if fresh is not None and now - fresh < TRUST and not (stays or outside):
                self.faults.append(f"{request.method} {request.path} about {main} of {email}, which was certain since {fresh:%d %H:%M:%S}")
        if refused:
            piece.odd = True
            if request.method == "POST":
                self.doubt(email)
        if joins:
            self.doubt(email)  # what is not sent along may have come back; what is, may not have been put in where they were a member
            piece.odd = piece.odd or piece.before is not None or self.renamed
        certain = about if request.changed and not (joins and piece.odd) else [main]
        if leaves:
            certain = [] if stays else list(KINDS)
        if not refused or request.method == "DELETE":
            self.known |= {(email, place): now for place in certain}

    def committed(self, work: int) -> None:
        """What was answered so far is written down."""
        piece = self.pieces[work]
        if piece.late:
            self.doubt(piece.email)

    def finished(self, work: int, after: Held) -> None:
        """The work is done, and its customer holds this now."""
        piece = self.pieces.pop(work)
        if piece.odd:
            self._count("odd", piece.sent)
            return
        few = least(piece.before, after)
        self._count("least", few)
        self._count("asked", piece.asked)
        if piece.useful > few:
            self.faults.append(f"{piece.useful} calls for {piece.email} where {few} would have done: {said(piece.before)} → {said(after)}")
        if piece.asked > 1:
            self.faults.append(f"{piece.asked} questions about {piece.email}, though nothing was refused")

    def dropped(self, work: int) -> None:
        """The worker died, or its work has passed to another, who can't know what was done and not written down."""
        self.doubt(self.pieces.pop(work).email)

    def doubt(self, email: str, places: Iterable[str] = KINDS) -> None:
        """Nothing is certain about these any longer."""
        for place in list(places):
            self.known.pop((email, place), None)

    def disturb(self, email: str) -> None:
        """Somebody else had a hand in it."""
        self.doubt(email)
        for piece in self.pieces.values():
            piece.odd = piece.odd or piece.email == email

    def stand_still(self, work: int) -> None:
        """Its worker is overtaken by others."""
        piece = self.pieces[work]
        piece.odd = piece.late = True
        self.doubt(piece.email)

    def _about(self, request: Request) -> list[str]:
        """The places that a request is about, what it is mainly about first."""
        given = {**request.query, **(request.body if isinstance(request.body, dict) else {})}
        one = [self.names[int(given[key])] for key in IDS if key in given]
        if one:
            return [*one, *(INSIDE if one == [CLUB] and request.method == "DELETE" else ())]
        return [MEMBER, *(self.names[number] for key in CARRIED for number in given.get(key, ()))]

    def _count(self, what: str, by: int = 1) -> None:
        self.totals[what] = self.totals.get(what, 0) + by


def least(before: Held, after: Held) -> int:
    """The fewest calls that bring about this change. Only an event can't come with an invitation; a group takes its spaces along."""
    if after is None:
        return 0 if before is None else 1
    if before is None:
        return 1 + len(after & EVENTS)
    gone, new = before - after, after - before
    if CLUB in gone:
        return len(new) + len(gone - INSIDE) + len(before & after & INSIDE)
    return len(new) + len(gone)


def said(held: Held) -> str:
    """What somebody holds, in words."""
    return "no member" if held is None else ", ".join([MEMBER, *sorted(held)])
