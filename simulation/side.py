"""One integration with the community behind it: what is where there, who is under which address, and the account of its calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.community import Community, Modes
from sandbox.state import Member
from simulation.house import House
from simulation.ledger import Held, Ledger
from simulation.scene import CLUB, COMMUNITIES, PEOPLE
from simulation.wire import Wire


def _everybody() -> dict[str, set[str]]:
    return {email: set() for email in PEOPLE}


@dataclass
class Side:
    """`member`: the name of its membership.

    `remote`: the ids of its places by their names, `names` the other way round; `addresses`: where each customer is; `given`: what they were
    given there before Cartwheel, and `put`: by hand since; `disturbed`: whose membership somebody ended or whose address changed, which
    only something that asks can find out; `moved`: of whom the merchant has said that they are under another address; `gone`: the places
    that were deleted. `stale`: the catalog may be another one than Cartwheel has.
    """

    house: House
    member: str
    integration: int
    community: Community
    wire: Wire
    remote: dict[str, int]
    given: dict[str, set[str]] = field(default_factory=_everybody)
    put: dict[str, set[str]] = field(default_factory=_everybody)
    addresses: dict[str, str] = field(default_factory=lambda: {email: email for email in PEOPLE})
    disturbed: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    stale: bool = False

    def __post_init__(self) -> None:
        self.names = {remote: name for name, remote in self.remote.items()}
        self.ledger = Ledger(self.names)

    def held(self, email: str) -> Held:
        """The names of what a customer holds in the community; None for who is no member."""
        member = self.account(email)
        return None if member is None else frozenset(self.names[one] for some in member.held.values() for one in some)

    def is_member(self, email: str) -> bool:
        """Whether they are a member now."""
        return self.account(email) is not None

    def account(self, email: str) -> Member | None:
        """Their account: under the address where they are; where that is over, under their own, by which they are invited again."""
        active = self.community.state.active
        return active(self.addresses[email]) or (None if email in self.moved else active(email))

    def disturb(self, email: str) -> None:
        """Somebody ended a membership by hand, or changed their address: Cartwheel can't know before it calls."""
        self.disturbed.add(email)
        self.ledger.disturb(email)

    def move(self, email: str, address: str) -> None:
        """The merchant says that the customer is here under this address. What is there already stays as it is."""
        self.addresses[email] = address
        self.moved.add(email)
        self.given[email].clear()
        held = self.held(email)
        self.put[email] = {self.member, *held} if held is not None else set()
        self.ledger.disturb(email)

    def delete(self, place: str) -> None:
        """A place is gone; a group takes its spaces along."""
        self.community.delete(self.remote[place])
        self.gone |= {place, *(one.name for one in COMMUNITIES[self.member] if one.in_club and place == CLUB)}
        for email in PEOPLE:
            self.ledger.disturb(email)

    def set_modes(self, **modes: object) -> None:
        """How the community stands from now on, and what is not named as ever."""
        self.community.modes = Modes().changed(modes)

    def refresh(self) -> None:
        """The catalog is loaded anew."""
        self.house.refresh(self.integration)
        self.ledger.renamed = False

    def places(self) -> list[str]:
        """The places that still exist."""
        return [place.name for place in COMMUNITIES[self.member] if place.name not in self.gone]
