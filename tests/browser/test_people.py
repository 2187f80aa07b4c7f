"""People in Chromium: invited by e-mail, protected by second factors, and stopped at doors that are closed to them."""

import email
import re
import time
from email import policy

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from playwright.sync_api import expect

PASSWORD = "a passphrase of the tests"


def link_mailed_to(console, address):
    """The invitation's link in the newest mail to ``address``, from the .eml files, once a worker has written it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        files = sorted((console.var_dir / "mail").glob("*.eml"), reverse=True)
        messages = [email.message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
        for text in (m.get_body(("plain",)).get_content() for m in messages if m["To"] == address):
            return re.search(r"http\S+/invitations/\S+", text).group()
        time.sleep(0.05)
    raise AssertionError(f"no invitation was sent to {address}")


def code_for(secret):
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))


@pytest.fixture
def invited(signed_in, console, page):
    """Invite an address as a role, from the members' page; return the link that the mail holds. Signs out again."""

    def invite(address, role):
        signed_in.goto("/w/sandbox/members/")
        signed_in.get_by_label("Email").fill(address)
        signed_in.get_by_label("Role", exact=True).select_option(role)
        signed_in.get_by_role("button", name="Send invitation").click()
        expect(signed_in.get_by_role("cell", name=address).or_(signed_in.get_by_text(address).first)).to_be_visible()
        signed_in.context.clear_cookies()
        return link_mailed_to(console, address)

    return invite


def accept(page, link):
    page.goto(link)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Confirm password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/accounts/security/")


def sign_out(page):
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")


def sign_in(page, address):
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def device_with_passkeys(page):
    """Plug a virtual authenticator into the browser: it keeps passkeys and agrees to everything."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    added = device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return lambda verified: device.send(
        "WebAuthn.setUserVerified", {"authenticatorId": added["authenticatorId"], "isUserVerified": verified}
    )


def test_from_the_invitation_to_the_app_to_the_first_key(page, invited):
    accept(page, invited("operations@example.test", "operator"))
    page.get_by_role("link", name="Set up an app").click()
    code = code_for(page.get_by_label("Can't scan it?").input_value())
    page.get_by_label("Authenticator code").fill(code)
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = page.locator("#recovery-codes").inner_text().split()
    page.goto("/accounts/security/")
    page.get_by_role("link", name="Continue to the workspace").click()
    page.get_by_role("navigation", name="Sandbox").get_by_role("link", name="Keys").click()
    page.get_by_role("link", name="Create key").click()
    page.get_by_label("Name").fill("First key of operations")
    page.get_by_role("main").get_by_role("button", name="Create key").click()
    expect(page.get_by_label("Secret of")).to_have_value(re.compile("clapi_"))
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_role("main").get_by_role("button", name="Revoke").click()
    sign_out(page)
    sign_in(page, "operations@example.test")
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile(r":\d+/w/sandbox/$"))


def test_a_passkey_is_added_and_then_signs_in_alone(page, invited):
    accept(page, invited("batch@example.test", "operator"))
    device_with_passkeys(page)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Work laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/recovery-codes/")
    page.goto("/accounts/security/")
    expect(page.get_by_role("row").filter(has_text="Work laptop")).to_contain_text("Passwordless")
    sign_out(page)
    page.goto("/w/sandbox/keys/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile(r":\d+/w/sandbox/keys/$"))
    page.goto("/w/sandbox/keys/new/")
    expect(page.get_by_role("heading", name="Create a key")).to_be_visible()
    page.goto("/accounts/confirm/password/?next=/w/sandbox/keys/new/")
    page.get_by_role("button", name="Confirm with a passkey").click()
    page.wait_for_url(re.compile(r":\d+/w/sandbox/keys/new/$"))


def test_a_device_that_does_not_recognize_its_owner_signs_nobody_in(page, invited):
    accept(page, invited("thief@example.test", "viewer"))
    recognize = device_with_passkeys(page)
    page.goto("/accounts/security/passkeys/add/")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/recovery-codes/")
    sign_out(page)
    recognize(verified=False)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey wasn't confirmed")


def test_an_account_opened_with_a_passkey_needs_no_password(page, invited):
    device_with_passkeys(page)
    page.goto(invited("phone@example.test", "viewer"))
    page.get_by_label("With a passkey").check()
    expect(page.get_by_label("Password", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/recovery-codes/")
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile(r":\d+/w/sandbox/$"))


CLOSED = ["keys/new/", "keys/revoke-all/", "members/", "settings/remove/", "settings/session/remove/"]


def test_a_viewer_finds_closed_doors_clearly_marked(page, invited, complaints):
    accept(page, invited("viewer@example.test", "viewer"))
    for door in CLOSED:
        page.goto(f"/w/sandbox/{door}")
        expect(page.get_by_role("heading", name="Access denied")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Ask an owner")
    for door in ("/people/", "/audit/", "/w/connect/"):
        page.goto(door)
        expect(page.get_by_role("heading", name="Access denied")).to_be_visible()
    assert len(complaints) == len(CLOSED) + 3
    assert all("403" in complaint for complaint in complaints)
    complaints.clear()


def test_a_viewer_is_offered_nothing_that_would_be_refused(page, invited):
    accept(page, invited("reader@example.test", "viewer"))
    page.goto("/w/sandbox/keys/")
    for name in ("Create key", "Revoke all", "Members"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    page.goto("/w/sandbox/settings/")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)


def test_a_session_elsewhere_is_ended_from_here(page, signed_in, console, chromium):
    other = chromium.new_context(base_url=console.url, user_agent="Elsewhere/1.0").new_page()
    other.goto("/accounts/login/")
    other.get_by_label("Email").fill(console.email)
    other.get_by_label("Password").fill(console.password)
    other.get_by_role("button", name="Sign in", exact=True).click()
    other.wait_for_url(re.compile(r":\d+/w/sandbox/$"))
    signed_in.goto("/accounts/sessions/")
    row = signed_in.get_by_role("row").filter(has_text="Elsewhere/1.0")
    row.get_by_role("button", name="Revoke").click()
    expect(signed_in.get_by_role("row").filter(has_text="Elsewhere/1.0")).to_have_count(0)
    other.goto("/w/sandbox/")
    other.wait_for_url("**/accounts/login/**")
    other.context.close()
