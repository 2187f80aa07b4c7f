"""Which key a creation has made, when its answer was lost or two of them were under way at once."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client

from core import clock
from keys import lost_creations, sync
from keys.models import ApiKey, KeyCreation
from keys.services import create as create_service
from tests.keys.conftest import Console
from tests.keys.test_sync import listed
from tests.wait import wait_until
from workspaces.models import Membership, Role, User
from workspaces.services import refresh

from .conftest import text_of

State = KeyCreation.State
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def send(workspace, name="Wanted", *, ago=10 * MINUTE, state=State.UNKNOWN, **facts):
    known = list(ApiKey.objects.of(workspace).values_list("upstream_id", flat=True))
    return KeyCreation.objects.create(
        workspace=workspace, name=name, state=state, sent_at=clock.now() - ago, known_ids=known, **facts
    )


def made(number=1, name="Wanted", *, ago=10 * MINUTE, **facts):
    return listed(number, name=name, created_at=None if ago is None else clock.now() - ago, **facts)


def land(workspace, *keys, **options):
    sync.ingest_full_list(workspace, list(keys), clock.now(), **options)


def key_of(creation):
    creation.refresh_from_db()
    return creation.key and creation.key.upstream_id


@pytest.mark.parametrize("ago", [13 * MINUTE, 7 * MINUTE, None, 30 * DAY, -HOUR])
@pytest.mark.parametrize(("asked", "name"), [("Wanted", "Wanted"), ("", ""), ("", "API key"), ("Wanted", "WANTED (2)")])
def test_the_only_new_key_is_found_whatever_upstream_calls_and_dates_it(workspace, asked, name, ago):
    land(workspace, listed(7))
    creation = send(workspace, asked)
    land(workspace, listed(7), made(name=name, ago=ago))
    assert key_of(creation) == listed(1).id
    assert creation.state == State.CREATED_UNSEEN
    assert creation.key.secret_state == ApiKey.SecretState.UNSEEN


@pytest.mark.parametrize("facts", [{}, {"state": State.REFUSED, "ago": 2 * DAY}])
def test_without_a_creation_to_resolve_a_list_asks_once(workspace, facts, django_assert_num_queries):
    if facts:
        send(workspace, **facts)
    read_at = clock.now()
    with django_assert_num_queries(1):
        lost_creations.resolve_unknown(workspace, read_at)


def test_of_a_key_by_another_name_the_page_says_why_it_is_taken_for_the_one_asked_for(mirror):
    send(mirror.workspace)
    land(mirror.workspace, made(name="Other"))
    page = text_of(mirror.get("list"))
    assert "probably the key requested as <bdi>Wanted</bdi>, because no other new key is listed" in page
    assert "No one can use it" not in page


@pytest.mark.parametrize("ago", [10 * MINUTE, None])
def test_a_key_of_the_name_is_taken_before_others(workspace, ago):
    creation = send(workspace)
    land(workspace, made(2, "Other", ago=ago), made(1))
    assert key_of(creation) == listed(1).id


def test_of_several_new_keys_by_other_names_none_is_claimed_and_nothing_denied(workspace):
    creation = send(workspace)
    land(workspace, made(1, "One"), made(2, "Two"))
    assert (key_of(creation), creation.state) == (None, State.UNKNOWN)


def test_another_name_is_not_claimed_before_there_was_time_for_the_right_one(workspace):
    creation = send(workspace, ago=MINUTE)
    land(workspace, made(1, "Other", ago=MINUTE))
    assert (key_of(creation), creation.state) == (None, State.UNKNOWN)


@pytest.mark.parametrize("facts", [{"is_active": False}, {}])
def test_a_key_that_is_inactive_or_was_known_before_is_not_claimed(workspace, facts):
    if not facts:
        land(workspace, made(1))
    creation = send(workspace)
    land(workspace, made(1, **facts))
    assert (key_of(creation), creation.state) == (None, State.NOTHING_CREATED)


def test_a_list_with_records_that_cannot_be_read_does_not_tell_that_nothing_was_created(workspace):
    creation = send(workspace)
    land(workspace, is_complete=False)
    assert (key_of(creation), creation.state) == (None, State.UNKNOWN)


@pytest.mark.parametrize(
    ("sent", "created", "name", "reopened"),
    [
        (HOUR, HOUR, "Wanted", True),
        (HOUR, HOUR + 3 * MINUTE, "Wanted", True),
        (HOUR, None, "Wanted", True),
        (HOUR, 10 * MINUTE, "Wanted", False),
        (HOUR, HOUR, "Other", False),
        (DAY + HOUR, DAY + HOUR, "Wanted", False),
    ],
)
def test_that_nothing_was_created_is_taken_back_for_a_day(workspace, sent, created, name, reopened):
    creation = send(workspace, ago=sent, state=State.NOTHING_CREATED)
    land(workspace, made(name=name, ago=created))
    assert (key_of(creation) is not None) == reopened
    assert creation.state == (State.CREATED_UNSEEN if reopened else State.NOTHING_CREATED)


@pytest.mark.parametrize("name", ["Wanted", ""])
def test_a_key_that_a_call_under_way_may_have_made_is_left_to_its_answer(workspace, name):
    under_way = send(workspace, name, ago=MINUTE / 2, state=State.SENT)
    lost = send(workspace, name, ago=MINUTE / 2)
    land(workspace, made(ago=MINUTE / 2))
    assert (key_of(under_way), key_of(lost)) == (None, None)


def test_of_two_people_whose_answers_were_both_lost_neither_is_said_to_have_made_the_key(workspace, operator, viewer):
    send(workspace, user=operator)
    send(workspace, user=viewer)
    land(workspace, made(1))
    key = ApiKey.objects.get()
    assert (key.secret_state, key.created_by) == (ApiKey.SecretState.UNSEEN, None)


def test_the_last_four_of_an_answer_correct_what_was_taken_for_its_key_before(workspace, operator):
    first, second = send(workspace, user=operator), send(workspace)
    land(workspace, made(1, key_last4="BBBB"), made(2, key_last4="AAAA"))
    assert (key_of(first), key_of(second)) == (listed(1).id, listed(2).id)

    KeyCreation.objects.filter(pk=first.pk).update(state=State.SUCCEEDED, prefix="clapi_AbCd", last4="AAAA")
    land(workspace, made(1, key_last4="BBBB"), made(2, key_last4="AAAA"))
    assert (key_of(first), key_of(second)) == (listed(2).id, listed(1).id)
    assert (first.key.created_by, second.key.created_by) == (operator, None)


class SlowAnswers:
    """Answers to creations, by the creation's number, that are noted only when the test lets them."""

    def __init__(self, note):
        self.note, self.last4, self.may_be_noted = note, {}, threading.Event()

    def __call__(self, creation, actor, answer):
        self.last4[creation.pk] = answer.api_key.reveal()[-4:]
        assert self.may_be_noted.wait(20)
        return self.note(creation, actor, answer)


@pytest.fixture
def answers(monkeypatch):
    slow = SlowAnswers(create_service._created)
    monkeypatch.setattr(create_service, "_created", slow)
    return slow


def create_aside(console, user, pages):
    """Have ``user`` create a key in a thread; the page that answers goes to ``pages``."""

    def create():
        browser = Client()
        browser.force_login(user)
        form = {"name": "Twins", "expiry": "never", "form_id": str(uuid.uuid4())}
        pages[user] = Console(browser, console.workspace).post("new", data=form)
        connections.close_all()

    thread = threading.Thread(target=create)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("are_swapped", [False, True])
def test_two_creations_of_one_name_at_once_each_show_their_own_key(console, answers, are_swapped):
    other = User.objects.create_user("another@example.test", "x")
    Membership.objects.create(user=other, workspace=console.workspace, role=Role.OPERATOR)
    pages = {}
    threads = [create_aside(console, user, pages) for user in (console.user, other)]
    wait_until(lambda: len(answers.last4) == 2)
    assert refresh(console.workspace, "keys").ok
    assert not KeyCreation.objects.filter(key__isnull=False).exists()
    if are_swapped:
        for number, last4 in zip(answers.last4, reversed(answers.last4.values()), strict=True):
            KeyCreation.objects.filter(pk=number).update(key=console.key(last4=last4), state=State.CREATED_UNSEEN)
    answers.may_be_noted.set()
    for thread in threads:
        thread.join()
    for creation in KeyCreation.objects.select_related("key"):
        assert (creation.key.last4, creation.key.created_by) == (creation.last4, creation.user)
        assert console.url("revoke", creation.key.key_id) in text_of(pages.pop(creation.user))
    assert not pages
