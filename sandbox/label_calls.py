"""The calls about events and tags: who attends, who is tagged."""

from __future__ import annotations

from sandbox.records import attendee, paged, tagging, tagging_id
from sandbox.replies import Reply, done, missing, refused, said
from sandbox.state import Kind, Member, Target
from sandbox.world import Ask, World

NOBODY = "community member"
"""What Circle calls missing when an RSVP fails, be it the member or the event."""
NO_TAG = "member tag"
"""What Circle calls missing when tagging fails, be it the member or the tag."""


def rsvp(world: World, ask: Ask) -> Reply:
    """`POST /event_attendees`."""
    found = _both(world, ask, "event")
    if found is None:
        return missing(world.answers, NOBODY)
    event, member = found
    if event.id in member.held["event"] and world.answers.second_rsvp != "200":
        if world.answers.second_rsvp == "404":
            return missing(world.answers, NOBODY)
        return refused(world.answers, 422, "Validation failed: Event attendee already exists")
    world.state.put(member, "event", [event.id])
    return done(world.answers, 200, "RSVP'd to the event.")


def un_rsvp(world: World, ask: Ask) -> Reply:
    """`DELETE /event_attendees`, with a body."""
    found = _both(world, ask, "event")
    if found is None:
        return missing(world.answers, NOBODY)
    event, member = found
    if event.id not in member.held["event"] and world.answers.absent_unrsvp != "200":
        if world.answers.absent_unrsvp == "404":
            return missing(world.answers, NOBODY)
        return refused(world.answers, 422, "Member is not attending this event")
    world.state.take(member, "event", [event.id])
    return done(world.answers, 200, "Un-RSVP successful from the event")


def attendees(world: World, ask: Ask) -> Reply:
    """`GET /event_attendees`."""
    event = world.state.target("event", ask.number("event_id"))
    if event is None:
        return missing(world.answers, "post")
    return paged(ask, world.state.within("event", event.id), lambda member: attendee(event, member))


def tag_add(world: World, ask: Ask) -> Reply:
    """`POST /tagged_members`."""
    found = _both(world, ask, "tag")
    if found is None:
        return missing(world.answers, NO_TAG)
    tag, member = found
    if tag.id in member.held["tag"] and world.answers.already_tagged != "201":
        if world.answers.already_tagged == "422":
            return refused(world.answers, 422, "Validation failed: Member tag has already been taken")
        return done(world.answers, 200, "Person tagged successfully!")
    world.state.put(member, "tag", [tag.id])
    return done(world.answers, 201, "Person tagged successfully!")


def tag_remove(world: World, ask: Ask) -> Reply:
    """`DELETE /tagged_members`."""
    found = _both(world, ask, "tag")
    if found is None or (found[0].id not in found[1].held["tag"] and world.answers.absent_untag == "404"):
        return missing(world.answers, NO_TAG)
    tag, member = found
    world.state.take(member, "tag", [tag.id])
    return done(world.answers, 200, "Tag has been removed")


def tagged(world: World, ask: Ask) -> Reply:
    """`GET /tagged_members`: all tags of all members."""
    return paged(ask, _taggings(world), lambda pair: tagging(*pair))


def tagged_one(world: World, ask: Ask) -> Reply:
    """`GET /tagged_members/{id}`."""
    for tag, member in _taggings(world):
        if tagging_id(tag, member) == ask.id:
            return said(200, tagging(tag, member))
    return missing(world.answers, "tagged member")


def _both(world: World, ask: Ask, kind: Kind) -> tuple[Target, Member] | None:
    name, address = ("event_id", "member_email") if kind == "event" else ("member_tag_id", "user_email")
    target, member = world.state.target(kind, ask.number(name)), world.state.active(ask.text(address))
    return None if target is None or member is None else (target, member)


def _taggings(world: World) -> list[tuple[Target, Member]]:
    targets = world.state.targets
    return [(targets[tag], member) for member in world.state.all_active() for tag in sorted(member.held["tag"])]
