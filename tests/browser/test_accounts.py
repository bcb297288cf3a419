"""From a fresh deployment to a team, in a real browser: with scripts, and without."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site
from webapp.engine import accounts
from webapp.parts import utcnow
from webapp.tokens import hash_token
from webapp.totp import STEP

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"


def set_up(site: Site, page: Page) -> None:
    with site.write() as session:
        accounts.make_link(session, accounts.SET_UP, None, hash_token("token"), utcnow() + timedelta(hours=1))
    page.goto(f"{site.url}/link/token")
    page.get_by_label("E-mail").fill("owner@shop.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Marketplace").fill("Acme Courses")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/logs")


def test_every_page_of_accounts_can_be_used_by_everybody(site: Site, page: Page, browser: Browser, looked_at: Callable[[Page], None]):
    page.goto(site.url)
    looked_at(page)
    set_up(site, page)
    for address in (
        "/settings/general",
        "/settings/alerts",
        "/account",
        "/account/second-step",
        "/settings/team",
        "/settings/team/invite",
        "/marketplaces/new",
        "/keys",
    ):
        page.goto(site.url + address)
        looked_at(page)
    stranger = browser.new_context().new_page()
    for address in ("/sign-in", "/link/gone", "/forgot-password"):
        stranger.goto(site.url + address)
        looked_at(stranger)
    stranger.context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_owner_invites_somebody_who_joins(site: Site, browser: Browser, scripts: bool):
    owner = browser.new_context(java_script_enabled=scripts).new_page()
    set_up(site, owner)
    owner.goto(f"{site.url}/settings/team")
    owner.get_by_role("link", name="Invite somebody").click()
    owner.get_by_label("E-mail").fill("mira@shop.test")
    owner.get_by_label("Viewer").check()
    owner.get_by_role("button", name="Send the link").click()
    expect(owner.locator("pre")).to_contain_text(site.url)  # a dialog that is just being shown has no text yet
    link = owner.locator("pre").inner_text()
    owner.get_by_role("link", name="Done").click()
    owner.get_by_role("cell", name="mira@shop.test").wait_for()

    mira = browser.new_context(java_script_enabled=scripts).new_page()
    mira.goto(link)
    mira.get_by_label("Choose a password").fill(PASSWORD)
    mira.get_by_role("button", name="Join").click()
    mira.wait_for_url("**/logs")
    mira.goto(f"{site.url}/settings/team")
    assert mira.get_by_role("link", name="Invite somebody").count() == 0

    owner.reload()
    row = owner.get_by_role("row").filter(has_text="mira@shop.test")
    row.get_by_role("link", name="Remove").click()
    owner.get_by_role("button", name="Remove from team").click()
    owner.get_by_text("mira@shop.test is no longer in the team.").wait_for()
    mira.reload()
    mira.wait_for_url("**/marketplaces/new")
    owner.context.close()
    mira.context.close()


def test_a_second_step_is_switched_on_and_asked_for_and_the_audit_tells_what_was_done(
    site: Site, page: Page, browser: Browser, looked_at: Callable[[Page], None]
):
    set_up(site, page)
    page.goto(f"{site.url}/account/second-step")
    phone = pyotp.TOTP(page.locator("pre").inner_text())
    page.get_by_role("textbox", name="Code").fill(phone.now())
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("heading", name="Keep these codes").wait_for()
    looked_at(page)
    recovery = page.locator("pre").inner_text().split()
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_text("10 recovery codes are left").wait_for()
    page.goto(f"{site.url}/settings/general")
    page.get_by_label("Name").fill("Acme School")
    page.get_by_role("button", name="Save").first.click()
    page.goto(f"{site.url}/settings/audit")
    expect(page.get_by_role("row").filter(has_text="changed the marketplace")).to_contain_text("Acme Courses → Acme School")
    looked_at(page)

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    sign_in(site, page)
    looked_at(page)
    page.get_by_label("Code").fill("000000" if phone.now() != "000000" else "111111")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("This code is not good").wait_for()
    page.get_by_label("Code").fill(
        phone.at(int(utcnow().timestamp()) + STEP)
    )  # the present one has been used, and the next is good already
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/logs")

    elsewhere = browser.new_context(java_script_enabled=False).new_page()
    sign_in(site, elsewhere)
    elsewhere.get_by_label("Code").fill(recovery[0])
    elsewhere.get_by_role("button", name="Sign in").click()
    elsewhere.wait_for_url("**/logs")
    expect(elsewhere.get_by_text("That was a recovery code. 9 are left")).to_be_visible()
    elsewhere.context.close()


def sign_in(site: Site, page: Page) -> None:
    """The first step."""
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("E-mail").fill("owner@shop.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="One more step").wait_for()


def test_keys_are_listed_and_can_be_switched_off(site: Site, page: Page):
    set_up(site, page)
    page.goto(f"{site.url}/account")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_label("Single keys do something").uncheck()
    page.get_by_role("button", name="Save keyboard").click()
    page.get_by_text("Single keys are off.").wait_for()
    assert page.locator("body").get_attribute("data-shortcuts") == "off"
    page.keyboard.press("?")
    assert page.get_by_role("dialog").count() == 0
