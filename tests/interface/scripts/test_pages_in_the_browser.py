"""Choosing rows, single keys, dialogs, refreshing, notices, theme and time zone."""

import re

import pytest
from playwright.sync_api import expect

POLL = """() => {
  const area = Object.assign(document.createElement("div"), {id: "polled"});
  area.dataset.refreshSeconds = "1";
  area.setAttribute("hx-get", "/fragment");
  area.setAttribute("hx-trigger", "refresh");
  area.append(document.getElementById("unsent") ?? "");
  document.querySelector("main").prepend(area);
  htmx.process(area);
}"""
FORM = """() => {
  const form = Object.assign(document.createElement("form"), {id: "unsent", method: "post"});
  form.innerHTML = `
    <label><input type="checkbox">Unticked</label>
    <label><input type="checkbox" value="1" checked>Ticked</label>
    <label><input type="radio" name="choice" checked>One</label>
    <label><input type="radio" name="choice" value="2">Other</label>`;
  document.querySelector("main").prepend(form);
}"""


def cookies(page):
    return {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}


def test_rows_are_chosen_in_a_range_and_counted(page):
    boxes = page.locator("[data-select-item]")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator("[data-select-count]")).to_have_text("3")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("[data-select-bar]")).to_be_hidden()


def test_keys_walk_the_rows_and_copy_an_id(page):
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="nightly batch")).to_be_focused()
    page.keyboard.press("c")
    expect(page.locator("tr", has_text="nightly batch").get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "550e8400-q7Lm"


def test_the_list_of_keys_names_what_the_page_has(page):
    page.get_by_role("button", name="Keyboard shortcuts").click()
    terms = page.locator("#shortcuts dt").all_inner_texts()
    assert terms == ["/", "f", "r", "j", "k", "Enter", "c", "?", "Esc"]
    assert all(page.locator("#shortcuts dd").all_inner_texts())


def test_f_goes_to_the_first_field_of_the_filters_and_sends_nothing(page):
    page.evaluate("""() => {
      const button = Object.assign(document.createElement("button"), {textContent: "Filter"});
      button.dataset.shortcut = "f";
      const form = document.querySelector("form.filters");
      form.querySelector("[data-shortcut=f]").removeAttribute("data-shortcut");
      form.append(button);
    }""")
    page.keyboard.press("f")
    expect(page.get_by_label("Search keys")).to_be_focused()
    assert "?" not in page.url


def test_a_row_that_has_only_an_id_is_copied_too(page):
    page.evaluate("""() => {
      const row = document.querySelector("[data-row]");
      row.querySelector("[data-copy-text]").remove();
      row.dataset.rowId = "req_1";
    }""")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.get_by_text("Copied req_1")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "req_1"


def test_ctrl_enter_sends_what_is_typed_into_a_large_field(page):
    page.evaluate("""() => {
      const form = document.createElement("form");
      form.innerHTML = '<textarea name="text" aria-label="Large"></textarea><button>Send</button>';
      form.addEventListener("submit", (event) => (event.preventDefault(), (window.sent = true)));
      document.querySelector("main").prepend(form);
    }""")
    page.get_by_label("Large").fill("text")
    page.keyboard.press("Control+Enter")
    assert page.evaluate("window.sent") is True


def test_keys_are_ignored_while_typing(page):
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    expect(page.get_by_label("Search keys")).to_have_value("jk?")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_single_keys_can_be_turned_off(page):
    page.keyboard.press("?")
    page.get_by_label("Use single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_hidden()


def test_a_dialog_waits_for_the_phrase_and_gives_the_focus_back(page):
    opener = page.get_by_role("button", name="Create key")
    opener.click()
    revoke = page.get_by_role("button", name="Revoke key")
    expect(revoke).to_be_disabled()
    page.get_by_label("To confirm, type").fill("revoke all")
    expect(revoke).to_be_enabled()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_a_dialog_closes_by_a_click_beside_it(page):
    page.get_by_role("button", name="Create key").click()
    page.mouse.click(5, 5)
    expect(page.locator("#sample-revoke")).to_be_hidden()


def test_a_part_refreshes_itself_and_its_notice_is_shown(page):
    page.evaluate(POLL)
    expect(page.locator("#polled")).to_have_text("fresh")
    expect(page.locator("#toasts").get_by_text("Read again.").first).to_be_visible()


def test_nothing_refreshes_while_paused(page):
    page.get_by_role("button", name="Pause refreshing").click()
    page.clock.install()
    page.evaluate(POLL)
    page.clock.run_for(10_000)
    expect(page.locator("#polled")).to_be_empty()


def test_a_form_in_which_nothing_was_changed_does_not_hold_up_the_refresh(page):
    page.evaluate(FORM)
    page.evaluate(POLL)
    expect(page.locator("#polled")).to_have_text("fresh")


@pytest.mark.parametrize("control", ["Unticked", "Ticked", "Other"])
def test_what_was_ticked_and_not_sent_holds_up_the_refresh_until_it_is_taken_back(page, control):
    page.clock.install()
    page.evaluate(FORM)
    page.evaluate(POLL)
    page.get_by_label(control, exact=True).click()
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(10_000)
    expect(page.get_by_label(control, exact=True)).to_be_visible()
    page.get_by_label("One" if control == "Other" else control, exact=True).click()
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(10_000)
    expect(page.locator("#polled")).to_have_text("fresh")


@pytest.mark.parametrize("heading", ["h1", "h2", "h3"])
def test_a_long_name_without_a_space_is_broken_in_a_heading(page, heading):
    page.set_viewport_size({"width": 1440, "height": 900})
    wide = """heading => {
      const box = Object.assign(document.createElement("div"), {className: "page__head"});
      const title = Object.assign(document.createElement(heading), {textContent: "x".repeat(200)});
      document.querySelector("main").prepend(box);
      box.append(document.createElement("div"));
      box.firstChild.className = "page__titles";
      box.firstChild.append(title);
      return title.getBoundingClientRect().right - document.querySelector("main").getBoundingClientRect().right;
    }"""
    assert page.evaluate(wide, heading) <= 0


def test_a_refused_request_is_told_in_words(page):
    page.evaluate("htmx.ajax('GET', '/refused', {target: 'main'})")
    expect(page.locator("#toasts").get_by_text("Too many requests")).to_be_visible()
    page.get_by_role("button", name="Dismiss").last.click()
    expect(page.locator("#toasts > li")).to_have_count(0)


def test_the_viewers_time_zone_reaches_the_server(page):
    assert cookies(page)["tz"] == "Europe/Vienna"


def test_relative_times_move_on(page):
    page.clock.install()
    page.reload()
    moment = page.locator("#tables time", has_text="just now")
    page.clock.run_for(3 * 60_000)
    expect(moment).to_have_count(0)
    expect(page.locator("#tables time", has_text=re.compile("^3 minutes ago$"))).to_be_visible()


def test_a_narrow_screen_folds_the_menu_and_never_scrolls_sideways(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    menu = page.get_by_role("button", name="Menu")
    menu.click()
    expect(page.locator("#sidebar")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#sidebar")).to_be_hidden()
