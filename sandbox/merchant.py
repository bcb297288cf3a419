"""What the owner of a community, or a member, does by hand in Circle itself. None of it is a call of the API."""

from __future__ import annotations

from sandbox.state import KINDS, Kind, Member, State, Target
from sandbox.world import World


class Merchant:
    """The community as people in it see and change it. Ids are those of the API; LookupError for what is not there."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def state(self) -> State:
        """Members and targets. Change it through the methods here."""
        return self.world.state

    def add_group(self, name: str) -> int:
        """Make a space group."""
        return self.state.make("group", name).id

    def add_space(self, name: str, group: int | None = None) -> int:
        """Make a space, in a space group or in none."""
        return self.state.make("space", name, None if group is None else self._target(group, "group").id).id

    def add_event(self, name: str) -> int:
        """Make an event."""
        return self.state.make("event", name).id

    def add_tag(self, name: str) -> int:
        """Make a member tag."""
        return self.state.make("tag", name).id

    def rename(self, target_id: int, name: str) -> None:
        """Give a space, group, event or tag another name."""
        self._target(target_id).name = name
        self.state.revision += 1

    def delete(self, target_id: int) -> None:
        """Delete a space, event, tag, or a space group with its spaces."""
        self.state.drop(self._target(target_id).kind, target_id)

    def add_member(self, email: str, name: str = "", *, owner: bool = False) -> int:
        """Take somebody in by hand. A removed member comes back under the id of before."""
        member = self.state.active(email) or self.state.admit(email, name, self.world.now())
        member.owner = owner
        return member.id

    def remove_member(self, email: str) -> None:
        """Remove a member by hand. It is the same when they leave by themselves."""
        self.state.deactivate(self._member(email))

    def change_email(self, email: str, new: str) -> None:
        """A member changes their own e-mail; their id stays. ValueError where somebody else has the new one."""
        self.state.rename(self._member(email), new)

    def put(self, email: str, *target_ids: int) -> None:
        """Put a member into spaces and groups, sign them up for events, tag them."""
        for kind, ids in self._by_kind(target_ids).items():
            self.state.put(self._member(email), kind, ids)

    def take(self, email: str, *target_ids: int) -> None:
        """Take a member out of spaces and groups, off events, take tags from them."""
        for kind, ids in self._by_kind(target_ids).items():
            self.state.take(self._member(email), kind, ids)

    def bill(self, email: str, billed: bool = True) -> None:
        """Let a member pay Circle itself by a subscription that Circle cannot cancel: deactivating them fails."""
        self._member(email).billed = billed
        self.state.revision += 1

    def held(self) -> dict[str, frozenset[int]]:
        """Who is a member, by e-mail, and the ids of all spaces, groups, events and tags that each one holds."""
        return {one.email: frozenset[int]().union(*one.held.values()) for one in self.state.all_active()}

    def _target(self, target_id: int, kind: Kind | None = None) -> Target:
        found = self.state.targets.get(target_id)
        if found is None or kind not in (None, found.kind):
            raise LookupError(f"There is no {kind or 'target'} {target_id} in this community.")
        return found

    def _member(self, email: str) -> Member:
        found = self.state.active(email)
        if found is None:
            raise LookupError(f"{email} is not a member of this community.")
        return found

    def _by_kind(self, target_ids: tuple[int, ...]) -> dict[Kind, set[int]]:
        targets = [self._target(one) for one in target_ids]
        return {kind: {one.id for one in targets if one.kind == kind} for kind in KINDS}
