"""A passkey at a real browser, whose authenticator is Chromium's virtual one."""

from playwright.sync_api import expect

VIRTUAL = {
    **{"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True},
    **{"isUserVerified": True, "automaticPresenceSimulation": True},
}


def test_a_passkey_signs_in_after_the_password_and_instead_of_it(hub, agent):
    somebody = agent()
    page, cdp = somebody.page, somebody.context.new_cdp_session(somebody.page)
    cdp.send("WebAuthn.enable")
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": VIRTUAL})
    # A passkey belongs to a name, which an IP address is none.
    somebody.hub = type(hub)(hub.url.replace("127.0.0.1", "localhost"))
    home, wanted = f"{somebody.hub.url}/", f"{somebody.hub.url}/customers/"

    somebody.sign_in("ops@partnerhub.example")
    somebody.open("/accounts/security/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Laptop")
    somebody.check_accessible()
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.locator(".codes li")).to_have_count(10)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("row", name="Laptop")).to_be_visible()
    somebody.check_accessible()

    somebody.context.clear_cookies()
    somebody.open("/accounts/sign-in/?next=/customers/")
    somebody.check_accessible()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(wanted)

    somebody.context.clear_cookies()
    somebody.open("/accounts/sign-in/")
    page.locator("#id_username").fill("ops@partnerhub.example")
    page.locator("#id_password").fill("partnerhub-demo")
    page.locator("form.form button").click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    somebody.check_accessible()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(home)
    somebody.open("/accounts/confirm/?next=/customers/")
    somebody.check_accessible()
    assert somebody.problems == []
