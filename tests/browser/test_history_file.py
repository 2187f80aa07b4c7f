"""A history of the balance is brought along as a file that is larger than the server takes."""

import re

from playwright.sync_api import expect

HISTORY = "/w/sandbox/usage/history/"
CSV = "text/csv"


def choose(page, size):
    page.get_by_label("CSV file").set_input_files({"name": "past.csv", "mimeType": CSV, "buffer": b"x" * size})


def test_a_file_that_is_too_large_is_refused_where_it_was_chosen(signed_in, complaints):
    signed_in.goto(HISTORY)
    signed_in.get_by_label("Or its lines").fill("time,credits")
    choose(signed_in, 1_300_000)
    signed_in.get_by_role("button", name="Preview").click()
    field = signed_in.get_by_label("CSV file")
    assert field.evaluate("field => field.validationMessage") == "The file is larger than 900 kB. Send it in parts."
    expect(field).to_be_focused()
    expect(signed_in.get_by_label("Or its lines")).to_have_value("time,credits")
    expect(signed_in.get_by_role("button", name="Preview")).to_be_enabled()

    choose(signed_in, 1_000)
    with signed_in.expect_response(lambda response: response.request.method == "POST") as answered:
        signed_in.get_by_role("button", name="Preview").click()
    assert answered.value.status == 422
    expect(signed_in.get_by_role("alert")).to_contain_text(re.compile("column|first line|time", re.IGNORECASE))
    complaints.clear()  # of the 422
