"""Every error has words, and they say what to do."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from cleanlist import errors
from cleanlist.errors import CleanlistError, ItemError
from core.encryption import DecryptionError
from workspaces.credentials.clients import AddressNotAllowed, NotConnected
from workspaces.error_messages import explain, explain_kind

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CleanlistError)]
OURS = [NotConnected, AddressNotAllowed, DecryptionError]


@pytest.mark.parametrize("kind", [*ALL, *OURS])
def test_every_error_has_a_title_and_a_way_out(kind):
    explanation = explain(kind("Upstream's words"))
    assert explanation.title
    assert explanation.kind in {"not-connected", "expired", "rate-limited", "failed"}
    assert explanation.fix or explanation.action_url_name


@pytest.mark.parametrize("kind", [*ALL, *OURS])
def test_a_stored_error_reads_like_the_raised_one(kind):
    assert explain_kind(kind.__name__, "words").title == explain(kind("words")).title


def test_an_error_stored_under_its_former_name_reads_the_same():
    assert explain_kind("CannotOpen", "words") == explain_kind("DecryptionError", "words")


def test_the_way_out_is_a_page_that_exists():
    for kind in [*ALL, *OURS]:
        if name := explain(kind("")).action_url_name:
            assert reverse(name, args=["example-works"])


@pytest.mark.django_db  # PostgreSQL's clock is asked
def test_a_rate_limit_is_told_in_the_viewers_time():
    with timezone.override("Asia/Kolkata"):
        explanation = explain(errors.RateLimited("slow down", status=429, retry_after=90))
        clock = f"{timezone.localtime(explanation.retry_at):%H:%M:%S}"
    assert explanation.title == f"Rate limited until {clock}"


def test_a_lost_answer_says_that_nobody_knows():
    explanation = explain(errors.TimedOut("No answer in 30 s", outcome_unknown=True))
    assert explanation.outcome_unknown
    assert "may or may not" in explanation.text


def test_a_missing_scope_is_named():
    error = errors.InsufficientScope("no", status=403)
    error.required_scope, error.granted_scopes = "credits:read", ("lists:read",)
    assert "credits:read" in explain(error).title
    assert "lists:read" in explain(error).text


def test_missing_credits_are_counted():
    error = errors.InsufficientCredits("no", status=400)
    error.shortfall = Decimal(1200)
    assert "1,200" in explain(error).text


def test_what_is_invalid_is_listed():
    item = ItemError(("body", "name"), "too long")
    assert "name: too long" in explain(errors.ValidationFailed("", validation_errors=[item])).text


def test_the_request_id_is_kept_for_support():
    assert "req_1" in explain(errors.ServerFailed("down", status=500, request_id="req_1")).sentence


@pytest.mark.parametrize("explanation", [explain(RuntimeError("secret detail")), explain_kind("Unheard", "words")])
def test_an_unknown_error_has_words_too(explanation):
    assert explanation.title
    assert "secret detail" not in explanation.sentence
