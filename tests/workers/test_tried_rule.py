"""Test this rule, from the button to the community: the dialog tells what became of it."""

from __future__ import annotations

import re

from tests import factories
from tests.workers.conftest import Bench
from webapp.database import writing
from webapp.models import Marketplace, Rule, Source
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}


def test_a_rule_that_is_tested_does_what_it_says(bench: Bench) -> None:
    bench.app.config["WTF_CSRF_ENABLED"] = False
    with bench.app.app_context(), writing() as session:
        marketplace = session.get_one(Marketplace, bench.marketplace)
        owner = factories.make_user(session, marketplace).email
        session.get_one(Source, bench.source).secret = parts().vault.seal(new_secret())
        factories.make_product(session, marketplace, external_id="ads-101")
    (rule,) = bench.rows(Rule)
    client = bench.app.test_client()
    client.post("/sign-in", data={"email": owner, "password": factories.PASSWORD})
    form = {"email": owner, "product": "ads-101"}
    page = client.post(f"/rules/{rule.id}/test", data=form, headers=PARTLY, follow_redirects=True).text
    asks = re.search(r'hx-get="([^"]+)"', page)
    assert asks
    assert client.get(asks[1], headers=PARTLY).status_code == 204
    bench.drain()
    told = client.get(asks[1], headers=PARTLY).text
    assert "Succeeded" in told
    assert "hx-get" not in told
    assert owner in bench.circle.community.held()
