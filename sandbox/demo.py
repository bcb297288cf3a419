"""The community of the demo: what a merchant who sells a course might have built in Circle, and who is in it already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sandbox.community import Community
from sandbox.people import Buyer

NAME = "My community"
KEY = "sandbox-token"
"""The community's API key. It opens nothing but this."""
OWNER = "owner@example.com"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Start here": ("Welcome", "Introductions", "Announcements", "House rules"),
    "Ads 101": (
        "Ads 101 Classroom",
        "Module 1: Offers",
        "Module 2: Audiences",
        "Module 3: Creatives",
        "Module 4: Budgets",
        "Homework",
        "Q&A",
    ),
    "Masterclass": ("Masterclass Lobby", "Funnels", "Copywriting", "Analytics", "Launches", "Hot seats", "Recordings", "Q&A"),
    "VIP": ("VIP Room", "Founders’ Lounge", "Ask me anything", "Deal desk"),
    "Commons": ("Wins", "Feedback", "Jobs", "Meetups", "Tools", "Books", "Off-topic"),
    "Alumni": ("Alumni Club", "Reunions", "Mentoring", "Where are they now"),
}
EVENTS = (
    "Welcome call",
    "Ads 101 kick-off",
    "Weekly office hours",
    "Masterclass live: Funnels",
    "Masterclass live: Launches",
    "VIP dinner in Berlin",
    "Alumni reunion",
    "Portfolio night",
    "Open house",
)
TAGS = (
    "Ads 101 student",
    "Ads 101 graduate",
    "Masterclass student",
    "Masterclass graduate",
    "Alumni",
    "VIP",
    "Founding member",
    "Mentor",
    "Mentee",
    "Moderator",
    "Speaker",
    "Beta tester",
    "Early bird",
    "Payment plan",
    "Past due",
    "Refunded",
    "Newsletter",
    "Agency",
    "Freelancer",
    "In-house",
    "Needs a hand",
)
MEMBERS: Mapping[Buyer, tuple[str, ...]] = {
    Buyer("anna.schulz@example.com", "Anna", "Schulz"): ("Start here", "Ads 101", "#Ads 101 student", "Weekly office hours"),
    Buyer("ben.carter@example.org", "Ben", "Carter"): ("Start here", "Ads 101", "#Ads 101 graduate", "#Agency"),
    Buyer("chiara.rossi@example.net", "Chiara", "Rossi"): (
        "Start here",
        "Masterclass",
        "#Masterclass student",
        "Masterclass live: Funnels",
    ),
    Buyer("david.kim@example.com", "David", "Kim"): ("Start here", "Alumni", "#Alumni", "#Mentor", "Alumni reunion"),
    Buyer("elif.demir@example.org", "Elif", "Demir"): (
        "Start here",
        "VIP Room",
        "Founders’ Lounge",
        "#VIP",
        "#Founding member",
        "VIP dinner in Berlin",
    ),
    Buyer("fatou.diop@example.net", "Fatou", "Diop"): ("Start here", "Ads 101", "#Ads 101 student", "#Payment plan"),
    Buyer("georg.huber@example.com", "Georg", "Huber"): ("Start here", "Commons", "#Freelancer"),
    Buyer("hana.novak@example.org", "Hana", "Novak"): ("Start here", "Masterclass", "#Masterclass graduate", "#Speaker"),
    Buyer("ivan.petrov@example.net", "Ivan", "Petrov"): ("Start here", "Commons", "#Newsletter", "Open house"),
    Buyer("joana.silva@example.com", "Joana", "Silva"): ("Start here", "Ads 101", "VIP Room", "#Ads 101 student", "#VIP", "#Early bird"),
    Buyer("karim.benali@example.org", "Karim", "Benali"): ("Start here", "Welcome call"),
    Buyer("lotte.jansen@example.net", "Lotte", "Jansen"): ("Start here", "Alumni", "#Alumni", "#Moderator"),
}
"""People, and where they are: groups (each with its spaces), spaces, events, and tags behind a #."""


def fill(community: Community) -> None:
    """Build the demo's community in an empty one. The same ids come out each time."""
    ids: dict[str, list[int]] = {}
    for group, spaces in GROUPS.items():
        ids[group] = [community.add_group(group)]
        for space in spaces:
            made = community.add_space(space, ids[group][0])
            ids[group].append(made)
            ids.setdefault(space, [made])
    for event in EVENTS:
        ids[event] = [community.add_event(event)]
    for tag in TAGS:
        ids[f"#{tag}"] = [community.add_tag(tag)]
    owner = community.state.members[community.add_member(OWNER, "Maya Winter", owner=True)]
    owner.joined_at -= timedelta(days=365)
    for number, (person, places) in enumerate(MEMBERS.items(), 1):
        member = community.state.members[community.add_member(person.email, person.name)]
        member.joined_at -= timedelta(days=9 * (len(MEMBERS) - number) + 2, hours=number)
        community.put(person.email, *(one for place in places for one in ids[place]))
