"""No text, however hostile, makes a pattern or a function that meets one run for longer than in proportion to it."""

import contextlib
import json
import re
from functools import cache, partial

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict

from alerts.mail import messages
from cleanlist.credentials import describe_key_format
from cleanlist.parsing import error_responses
from config.log.configuration import escape_control_characters
from core import export, pagination, sanitize
from core import filters as filtering
from core.redaction import redact, redact_beginning, redact_lines, redact_text
from keys.log import canonical, sources, workflows
from keys.log.search.filters import LogFilterForm
from keys.scopes import required_scope
from sandbox.enrichment.contact_directory import find_contact
from sandbox.lists import leads
from tests.architecture.test_floors import FLOORS, ROOT
from troubleshooting.body import webhook_urls
from troubleshooting.body.remarks import is_profile
from troubleshooting.body.text import find_lines
from troubleshooting.body.validation import validate_body
from troubleshooting.body.wrong_forms import find_wrong_form
from troubleshooting.bundle.redactor import Redactor
from troubleshooting.pasted import code, curl, error_bodies, exports, headers, request, statuses
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets
from webhooks import reasons, results
from webhooks.outgoing import targets

from . import patterns
from .hostile_texts import FRAGMENTS, SMALL, fragments_of
from .linear_time import find_slow, leaves_room_for_a_square, match_once

COMMON = [("", fragment) for fragment in FRAGMENTS]
found_patterns = cache(patterns.all_patterns)


# The troubleshooter's by file: most patterns are its, and all of them together take longer than a test may.
PLACES = [*(one for one in FLOORS if one != "troubleshooting"), "addresses"]
PLACES += [str(path.relative_to(ROOT)) for path in patterns.FILES if path.is_relative_to(ROOT / "troubleshooting")]


@pytest.mark.timeout(300)  # one file has most patterns, which take a minute beside other tests
@pytest.mark.parametrize("package", PLACES)
def test_every_pattern_takes_time_in_proportion_to_the_text(package):
    here = {name: pattern for name, pattern in found_patterns().items() if name.startswith(package)}
    common = COMMON if package != "addresses" else []  # which are all alike
    own = {name: list(dict.fromkeys(common + fragments_of(pattern))) for name, pattern in here.items()}
    slow = {name: find_slow(partial(match_once, here[name]), own[name], ratio=100) for name in here}
    assert {name: pair for name, pair in slow.items() if pair} == {}


@pytest.mark.parametrize("size", [4096, SMALL])
def test_what_takes_the_square_is_found(size):
    careless = {4096: r"\s+$", SMALL: r"(?:abcdefghij){2}[a-j]*:"}[size]
    pairs = [("", {4096: " ", SMALL: "abcdefghij"}[size])]
    assert find_slow(partial(match_once, re.compile(careless)), pairs, ratio=100) == (*pairs[0], size)


@pytest.mark.parametrize(("power", "leaves_room"), [(1, False), (2, True)])
def test_the_largest_text_is_left_out_only_for_what_grows_in_proportion(power, leaves_room):
    took = {size: 0.02 * (size / SMALL) ** power for size in (4096, SMALL)}  # within bounds so far
    assert leaves_room_for_a_square(took[4096], took[SMALL], most=0.08) == leaves_room


def json_with(**body):
    return json.dumps(body)


def refused(function, text):
    with contextlib.suppress(ValidationError, targets.URLNotAllowed):
        function(text)


def filters(text):
    form = LogFilterForm(QueryDict(mutable=True), [])
    form.data = form.query = QueryDict(mutable=True)
    form.query.update(dict.fromkeys(form.fields, text))
    form.is_valid()
    return list(form.words()), form.query_string


# What a text of somebody else's goes through first. The patterns inside are tried above; here it is the code around.
FUNCTIONS = {
    "redact_text": redact_text,
    "redact": lambda text: redact({"event": text, "password": text, text: [text, (text,), text.encode()]}),
    "redact_beginning": redact_beginning,
    "redact_lines": redact_lines,
    "printable": escape_control_characters,
    "strip": remove_secrets,
    "curl": curl.parse_curl,
    "code": code.parse_code,
    "contacts in code": lambda text: code.parse_code(f"{{contacts: [{text}"),
    "raw request": lambda text: request.parse_raw_request(f"GET / HTTP/1.1\n{text}"),
    "export": lambda text: exports.parse_export(
        json_with(method="GET", url=text, header=[{"key": text, "value": text}])
    ),
    "status in words": statuses.find_status,
    "exception": lambda text: [
        find(text) for find in (statuses.find_reason, statuses.find_code, statuses.find_exception)
    ],
    "embedded error": lambda text: error_bodies.embedded_error("{'detail': [" + text),
    "headers": lambda text: headers.find_mistakes([("Authorization", text)], raw=text),
    "headers after Bearer": lambda text: headers.find_mistakes([("Authorization", f"Bearer {text}")], raw=text),
    "error": lambda text: error_bodies.parse_error(text, None),
    "status": error_bodies.guess_status,
    "detail": lambda text: error_bodies.parse_error(json_with(detail=text), None),
    "problem": lambda text: error_responses.error_from_text(403, json_with(detail=text), {"retry-after": text[:8000]}),
    "redacted": error_responses.redact_secrets,
    "scope": required_scope,
    "body": lambda text: find_lines(text, validate_body(text).findings),
    "contact": lambda text: validate_body(
        json_with(contacts=[dict.fromkeys(("linkedin_url", text[:99], "email"), text)])
    ),
    "webhook_url": lambda text: webhook_urls.find_url_problem(f"https://{text}"),
    "profile": is_profile,
    "wrong form": find_wrong_form,
    "form data": lambda text: find_wrong_form(f"contacts[0][email]={text.splitlines()[0]}"),
    "table": lambda text: find_wrong_form(f"first_name,last_name\n{text}"),
    "bundle": lambda text: Redactor((), names=["Ada Lovelace"]).text(text),
    "bundle line": lambda text: Redactor(()).line(text),
    "bundle address": lambda text: Redactor(()).url(f"https://a.example/{text}"),
    "target": lambda text: refused(targets.parse_target, f"https://{text}"),
    "short target": lambda text: refused(targets.parse_target, f"https://{text[:1900]}"),
    "reason": lambda text: reasons.reason_of(None, text, None),
    "phone": results.mask_phone,
    "email": results.mask_email,
    "filters": filters,
    "moment": lambda text: refused(filtering.parse_time, text),
    "place": pagination.Cursor.parse,
    "cell": export.escape_formula,
    "plain": lambda text: sanitize.sanitize_text(text, 100),
    "line": lambda text: refused(sanitize.validate_single_line, text),
    "key": describe_key_format,
    "endpoint": canonical.endpoint_of.__wrapped__,
    "program": sources.program_name,
    "workflow": workflows.workflow_id_in,
    "subject": messages.one_line,
    "sandbox": lambda text: find_contact({"linkedin_url": text}),
    "profile of a lead": leads.linkedin_slug,
    "profile of a person": leads.is_profile,
    "sandbox by email": lambda text: find_contact({"email": text}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_that_meets_foreign_text_takes_time_in_proportion(name):
    assert find_slow(FUNCTIONS[name], COMMON, ratio=400) is None


def test_the_troubleshooter_recognizes_in_proportion(workspace):
    assert find_slow(lambda text: recognize(remove_secrets(text).text, workspace), COMMON, ratio=800) is None


def test_no_pattern_is_made_where_it_cannot_be_tried():
    allowed = {"redactor.py": 1}  # of a person's name, which is escaped
    hidden = {path: patterns.hidden_calls(path) for path in patterns.FILES}
    assert patterns.FILES
    assert {path: calls for path, calls in hidden.items() if len(calls) > allowed.get(path.name, 0)} == {}
