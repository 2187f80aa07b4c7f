"""Signing in and out of the running console, as a person does."""

from playwright.sync_api import expect


def test_a_stranger_is_asked_to_sign_in_and_comes_back_to_the_page_asked_for(page, console):
    page.goto("/w/sandbox/keys/")
    page.get_by_label("Email").fill(console.email)
    page.get_by_label("Password").fill(console.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/sandbox/keys/")


def test_the_first_page_shows_the_connected_sandbox(signed_in):
    signed_in.goto("/")
    expect(signed_in.get_by_role("main")).to_contain_text("Sandbox")


def test_a_wrong_password_is_refused_in_words(page, console):
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(console.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("main")).to_contain_text("Wrong email address or password")


def test_after_signing_out_the_back_button_shows_nothing(signed_in):
    signed_in.goto("/w/sandbox/keys/")
    signed_in.goto("/accounts/logout/")
    signed_in.get_by_role("main").get_by_role("button", name="Sign out").click()
    signed_in.wait_for_url("**/accounts/login/**")
    signed_in.go_back()
    signed_in.go_back()
    signed_in.wait_for_url("**/accounts/login/**")
