"""What there is in a community, as plain data: members, places, and who is where. It knows nothing of calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["space", "group", "event", "tag"]
KINDS: tuple[Kind, ...] = ("space", "group", "event", "tag")


@dataclass(slots=True)
class Target:
    """A space, space group, event or tag. `group` is the space group that a space is in."""

    id: int
    kind: Kind
    name: str
    group: int | None = None


@dataclass(slots=True)
class Member:
    """One person's account. `held` says where they are; a deactivated member is nowhere."""

    id: int
    email: str
    name: str
    joined_at: datetime
    active: bool = True
    owner: bool = False
    billed: bool = False
    """Pays Circle itself through a subscription that cannot be canceled, so that deactivating fails."""
    mails: int = 0
    """Invitation mails that Circle sent them."""
    held: dict[Kind, set[int]] = field(default_factory=lambda: {kind: set() for kind in KINDS})
    earlier: dict[Kind, set[int]] = field(default_factory=dict)
    """Spaces and groups at the time they were deactivated."""


class State:
    """Members and targets by id. One e-mail, in any letter case, is one member.

    All ids come from one counter, so that the id of a tag is never that of a space. `revision` grows with every change.
    """

    def __init__(self) -> None:
        self.members: dict[int, Member] = {}
        self.targets: dict[int, Target] = {}
        self.revision = 0
        self.next_id = 1001
        self._by_email: dict[str, int] = {}

    def new_id(self) -> int:
        """The next id."""
        self.next_id += 1
        return self.next_id - 1

    def by_email(self, email: str) -> Member | None:
        """Whoever has this e-mail, deactivated or not."""
        found = self._by_email.get(normal(email))
        return None if found is None else self.members[found]

    def active(self, email: str) -> Member | None:
        """The member with this e-mail, unless deactivated."""
        found = self.by_email(email)
        return found if found is not None and found.active else None

    def all_active(self) -> Iterator[Member]:
        """Everybody who is a member now, in the order in which they came."""
        return (member for member in self.members.values() if member.active)

    def target(self, kind: Kind, target_id: int) -> Target | None:
        """The space, group, event or tag with this id."""
        found = self.targets.get(target_id)
        return found if found is not None and found.kind == kind else None

    def of_kind(self, kind: Kind) -> list[Target]:
        """All spaces, groups, events or tags, in the order in which they were made."""
        return [target for target in self.targets.values() if target.kind == kind]

    def spaces_in(self, group: int) -> set[int]:
        """The ids of the spaces of a space group."""
        return {target.id for target in self.targets.values() if target.kind == "space" and target.group == group}

    def within(self, kind: Kind, target_id: int) -> list[Member]:
        """The members who are in a space or group, attend an event, or have a tag."""
        return [member for member in self.members.values() if target_id in member.held[kind]]

    def make(self, kind: Kind, name: str, group: int | None = None) -> Target:
        """A new space, group, event or tag."""
        made = Target(self.new_id(), kind, name, group)
        self.targets[made.id] = made
        self.revision += 1
        return made

    def drop(self, kind: Kind, target_id: int) -> None:
        """Delete a target, with all memberships of it. A space group takes its spaces along."""
        for space in self.spaces_in(target_id) if kind == "group" else ():
            self.drop("space", space)
        del self.targets[target_id]
        for member in self.members.values():
            member.held[kind].discard(target_id)
            member.earlier.get(kind, set()).discard(target_id)
        self.revision += 1

    def admit(self, email: str, name: str, at: datetime) -> Member:
        """A member with this e-mail: a new one, or a deactivated one who comes back with the id of before."""
        member = self.by_email(email)
        if member is None:
            member = Member(self.new_id(), normal(email), name, at)
            self.members[member.id] = member
            self._by_email[member.email] = member.id
        member.active, member.joined_at = True, at
        self.revision += 1
        return member

    def deactivate(self, member: Member) -> None:
        """They are a member no longer, and nowhere."""
        member.active = False
        member.earlier = {kind: set(member.held[kind]) for kind in ("space", "group")}
        for held in member.held.values():
            held.clear()
        self.revision += 1

    def put(self, member: Member, kind: Kind, ids: Iterable[int]) -> None:
        """The member is in these, from now on."""
        new = set(ids) - member.held[kind]
        if new:
            member.held[kind] |= new
            self.revision += 1

    def take(self, member: Member, kind: Kind, ids: Iterable[int]) -> None:
        """The member is in none of these, from now on. Leaving a space group is leaving its spaces."""
        gone = set(ids) & member.held[kind]
        if gone:
            member.held[kind] -= gone
            self.revision += 1
        for group in gone if kind == "group" else ():
            self.take(member, "space", self.spaces_in(group))

    def rename(self, member: Member, email: str) -> None:
        """A member's new e-mail. ValueError where somebody has it."""
        other = self.by_email(email)
        if other is not None and other is not member:
            raise ValueError(f"{email} belongs to another member")
        del self._by_email[member.email]
        member.email = normal(email)
        self._by_email[member.email] = member.id
        self.revision += 1

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return {
            "next_id": self.next_id,
            "targets": [[one.id, one.kind, one.name, one.group] for one in self.targets.values()],
            "members": [_plain_member(one) for one in self.members.values()],
        }

    def load(self, plain: dict[str, Any]) -> None:
        """Become what `plain` described. The revision goes on growing."""
        self.next_id = plain["next_id"]
        self.targets = {row[0]: Target(*row) for row in plain["targets"]}
        self.members = {row["id"]: _member(row) for row in plain["members"]}
        self._by_email = {one.email: one.id for one in self.members.values()}
        self.revision += 1


def normal(email: str) -> str:
    """An e-mail as Circle compares it."""
    return email.strip().lower()


def _plain_member(member: Member) -> dict[str, Any]:
    return {
        "id": member.id,
        "email": member.email,
        "name": member.name,
        "joined_at": member.joined_at.isoformat(),
        "active": member.active,
        "owner": member.owner,
        "billed": member.billed,
        "mails": member.mails,
        "held": {kind: sorted(ids) for kind, ids in member.held.items()},
        "earlier": {kind: sorted(ids) for kind, ids in member.earlier.items()},
    }


def _member(row: dict[str, Any]) -> Member:
    sets = {key: {kind: set(ids) for kind, ids in row[key].items()} for key in ("held", "earlier")}
    return Member(**{**row, **sets, "joined_at": datetime.fromisoformat(row["joined_at"])})
