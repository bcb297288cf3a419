"""What a marketplace's file says, and what is wrong with it: without a database, without an app."""

from __future__ import annotations

import re

import pytest

from webapp.config import ROOT
from webapp.engine.triggers import TRIGGERS
from webapp.market.nodes import Wrong
from webapp.market.reading import ACTIONS, Market, read
from webapp.models import PAID_PERIOD

HEAD = """\
marketplace: Acme Courses
owner: {email: owner@example.com, password: "${OWNER_PASSWORD}"}
"""
COMMUNITY = 'integrations:\n  - {name: My community, app: circle, api_key: "${CIRCLE_KEY}"}\n'
ENVIRON = {"OWNER_PASSWORD": "correct horse", "CIRCLE_KEY": "canary-key", "CANARY": "canary-value"}


def understood(text: str) -> Market:
    market, complaints = read(text, "market.yaml", ENVIRON)
    assert not complaints.found, str(complaints)
    return market


def complaints_about(text: str) -> list[str]:
    """What is said of a file whose first two lines are right."""
    try:
        said = str(read(HEAD + text, "market.yaml", ENVIRON)[1])
    except Wrong as wrong:
        said = str(wrong)
    return said.splitlines()


def rule(**parts: str) -> str:
    """A file with one rule, on its third line."""
    given = {"trigger": "product_refunded", "integration": "My community", "action": "remove_from_space", "target": "VIP", **parts}
    return f"rules: [{{{', '.join(f'{key}: {value}' for key, value in given.items() if value)}}}]\n"


def test_a_marketplace_and_its_owner_are_enough() -> None:
    market = understood(HEAD)
    assert market.name.value == "Acme Courses"
    assert market.owner is not None
    assert (market.owner.email.value, market.owner.password.value) == ("owner@example.com", "correct horse")
    assert (market.time_zone, market.secret, market.sources, market.connections, market.products, market.rules) == (
        None, None, [], [], [], [],
    )  # fmt: skip


def test_everything_that_a_file_can_say() -> None:
    market = understood(
        HEAD
        + "time_zone: Europe/Berlin\nwebhook: {secret: whsec_MDEyMzQ1Njc4OWFiY2RlZg==}\n"
        + 'integrations:\n  - {name: My community, app: circle, api_key: "${CIRCLE_KEY}", community_url: "https://acme.circle.so",\n'
        + "     watch_only: true, send_invitation: false}\n"
        + "products:\n  - {id: 101, name: Ads 101}\nrules:\n"
        + "  - {product: 101, trigger: product_purchased, integration: My community, action: add_to_space, target: VIP Room, for: 30d}\n"
        + "  - {trigger: subscription_canceled, integration: My community, action: remove_member, removal: always, after: paid_period,\n"
        + "     switched_off: true}\n"
        + "  - {trigger: product_refunded, integration: My community, action: remove_tag, target: Student, after: 3d}\n"
    )
    (community,) = market.connections
    assert community.values(secret=True) == {"api_key": "canary-key"}
    assert community.values(secret=False) == {"community_url": "https://acme.circle.so"}
    assert (community.watch_only, community.send_invitation) == (True, False)
    assert [(sold.id.value, sold.name.value) for sold in market.products] == [("101", "Ads 101")]
    timed, canceled, refunded = market.rules
    assert timed.named == ("101", "product_purchased", "My community", "add_to_space", "VIP Room")
    assert (timed.for_days, timed.after_days, timed.removal, timed.off) == (30, 0, None, None)
    assert (canceled.target, canceled.removal, canceled.after_days, canceled.off) == (None, "always", PAID_PERIOD, True)
    assert refunded.after_days == 3


def test_a_link_may_come_without_its_scheme() -> None:
    (community,) = understood(HEAD + "integrations: [{name: A, app: circle, api_key: x, community_url: acme.circle.so}]\n").connections
    assert community.values(secret=False) == {"community_url": "https://acme.circle.so"}


def test_all_triggers_and_actions_are_known_by_their_keys() -> None:
    for trigger in TRIGGERS:
        understood(HEAD + rule(trigger=trigger))
    for key, action in ACTIONS.items():
        understood(HEAD + rule(action=key, target="" if action.kind == "membership" else "VIP"))
    assert len(TRIGGERS) == 11
    assert len(ACTIONS) == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_zone: Europe/Nowhere\n", "There is no time zone `Europe/Nowhere`"),
        ("time_zone: ../../etc/passwd\n", "There is no time zone"),
        ("time_zone: Europe\n", "There is no time zone"),
        ("webhook: {secret: whsec_short}\n", "`secret` must be `whsec_` and at least 16 bytes in base64."),
        ("webhook: {secret: hunter2hunter2hunter2hunter2}\n", "`secret` must be `whsec_`"),
        ("webhook: {address: x}\n", "`address` is not known in `webhook`."),
        ("sources: [{source: kajabi}]\n", "There is no source `kajabi`. This version of Cartwheel understands: cartwheel, samcart."),
        ("integrations: [{name: A, app: circel, api_key: x}]\n", "There is no app `circel`. Did you mean `circle`?"),
        ("integrations: [{name: A, app: circle}]\n", "`api_key` is missing in an entry of `integrations`."),
        ("integrations: [{app: circle, api_key: x}]\n", "`name` is missing in an entry of `integrations`."),
        ("integrations: [{name: A, app: circle, api_kye: x, api_key: x}]\n", "`api_kye` is not known in an entry of `integrations`."),
        (f"integrations: [{{name: {'n' * 101}, app: circle, api_key: x}}]\n", "`name` may have 100 characters at most."),
        (
            "integrations: [{name: A, app: circle, api_key: x, community_url: 'javascript://x'}]\n",
            "`community_url` is not the address of a",
        ),
        ("integrations: [{name: A, app: circle, api_key: x, community_url: 'https://[x'}]\n", "`community_url` is not the address of a"),
        ("products: [{id: a}]\n", "`name` is missing in an entry of `products`."),
        ("products: [{name: A}]\n", "`id` is missing in an entry of `products`."),
        (rule(trigger="product_purchase"), "There is no trigger `product_purchase`. Did you mean `product_purchased`?"),
        (rule(action="add_to_spce"), "There is no action `add_to_spce`. Did you mean `add_to_space`?"),
        (rule(target=""), "`target` is missing in an entry of `rules`."),
        (rule(action="remove_member"), "`remove_member` is about the membership: it has no target."),
        (rule(removal="spair"), "There is no removal `spair`. Did you mean `spare`?"),
        (rule(action="add_to_space", removal="spare"), "`removal` does not fit here. Only a removal can spare something"),
        (rule(**{"for": "30d"}), "`for` does not fit here. An add holds for good, or from 1 to 3,650 days."),
        (rule(action="add_to_space", after="3d"), "`after` does not fit here. A removal acts at once"),
        (rule(action="add_to_space", **{"for": "30"}), "`for` must be so many days, such as 30d, up to 3650d."),
        (rule(action="add_to_space", **{"for": "0d"}), "`for` must be so many days"),
        (rule(action="add_to_space", **{"for": "3651d"}), "`for` must be so many days"),
        (rule(after="soon"), "`after` must be so many days, such as 30d, up to 3650d, or paid_period."),
        (rule(switched_off="perhaps"), "`switched_off` must be true or false."),
        (rule(integration=""), "`integration` is missing in an entry of `rules`."),
        (rule(customer="x"), "`customer` is not known in an entry of `rules`."),
        ("prodcuts: []\n", "`prodcuts` is not known in the file. Did you mean `products`?"),
    ],
)
def test_each_mistake_is_said_with_its_line(text: str, said: str) -> None:
    (line,) = complaints_about(text)
    assert line.startswith(f"market.yaml, line 3: {said}"), line


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("owner: {email: a@b.c, password: x}\n", 1, "`marketplace` is missing in the file."),
        ("marketplace: Acme\n", 1, "`owner` is missing in the file."),
        ("marketplace: Acme\nowner: {email: a@b.c}\n", 2, "`password` is missing in `owner`."),
        ("marketplace: Acme\nowner: {email: nobody, password: x}\n", 2, "`email` is no e-mail address."),
        (f"marketplace: {'a' * 201}\nowner: {{email: a@b.c, password: x}}\n", 1, "`marketplace` may have 200 characters at most."),
        (f"marketplace: A\nowner: {{email: a@b.c, password: {'x' * 1001}}}\n", 2, "`password` may have 1000 characters at most."),
    ],
)
def test_what_no_marketplace_can_do_without(text: str, line: int, said: str) -> None:
    try:
        complaints = read(text, "market.yaml", {})[1]
    except Wrong as wrong:
        complaints = wrong.complaints
    assert str(complaints) == f"market.yaml, line {line}: {said}"


def test_what_stands_twice() -> None:
    said = complaints_about(
        COMMUNITY
        + "  - {name: My community, app: circle, api_key: x}\n"
        + "products:\n  - {id: a, name: A}\n  - {id: a, name: B}\n"
        + "rules:\n"
        + "  - {trigger: product_purchased, integration: My community, action: invite_member}\n"
        + "  - {trigger: product_refunded, integration: My community, action: invite_member}\n"
        + "  - {integration: My community, action: invite_member, trigger: product_purchased}\n"
        + "sources:\n  - {source: cartwheel}\n  - {source: cartwheel}\n"
    )
    assert said == [
        "market.yaml, line 5: The integration `My community` stands on line 4 already.",
        "market.yaml, line 8: The product `a` stands on line 7 already.",
        "market.yaml, line 12: This rule stands on line 10 already.",
        "market.yaml, line 15: The source `cartwheel` stands on line 14 already.",
    ]


def test_everything_that_is_wrong_is_said_at_once_and_no_value_of_a_variable() -> None:
    said = complaints_about(
        'time_zone: "${CANARY}"\nsources:\n  - {source: "${CANARY}"}\nintegrations:\n  - {name: A, app: "${CANARY}", api_key: "${CIRCLE_KEY}"}\n'
        'webhook: {secret: "${CANARY}"}\nrules:\n'
        '  - {trigger: "${CANARY}", integration: A, action: "${CANARY}", removal: "${CANARY}", for: "${CANARY}", after: "${CANARY}"}\n'
    )
    assert {int(line.split("line ")[1].split(":")[0]) for line in said} == {3, 5, 7, 8, 10}
    assert len([line for line in said if "line 10" in line]) == 5
    assert "canary" not in "\n".join(said)


def test_whose_keys_are_secret_is_not_shown_by_what_is_read() -> None:
    """The values of the environment are in no `repr` that a traceback might print."""
    market = understood(HEAD + COMMUNITY)
    assert "canary-key" not in repr(market)
    assert "correct horse" not in repr(market)


def test_the_file_of_the_documentation_is_understood() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8"), re.DOTALL)
    _, complaints = read(text, "market.yaml", {**ENVIRON, "WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="})
    assert not complaints.found, str(complaints)
