"""Leases on the real database: one of many gets each, and only the holder changes it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from core import clock
from core.db import leases
from tests.wait import wait_until
from webhooks.models import EndpointCheck
from workspaces.models import Workspace

AT_ONCE = 6
SOON = timedelta(seconds=20)


@pytest.fixture
def check(db):
    workspace = Workspace.objects.create(name="Analytical", slug="analytical")
    return EndpointCheck.objects.create(workspace=workspace, url="https://example.com/")


def read_again(row):
    return EndpointCheck.objects.get(pk=row.pk)


def one_more(row):
    return EndpointCheck.objects.create(workspace=row.workspace, url=row.url)


def leased_by_another(row):
    theirs = clock.now() + SOON
    EndpointCheck.objects.filter(pk=row.pk).update(leased_until=theirs)
    return theirs


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_left_behind", [False, True])
def test_of_many_that_want_a_lease_at_once_one_gets_it(check, is_left_behind):
    if is_left_behind:
        EndpointCheck.objects.update(leased_until=clock.now() - SOON)
    barrier = threading.Barrier(AT_ONCE)

    def want(number):
        try:
            row = read_again(check)
            barrier.wait()
            return bool(EndpointCheck.objects.acquire(row, tries=number))
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(want, range(1, AT_ONCE + 1)))
    assert outcomes.count(True) == 1
    row = read_again(check)
    assert row.tries == outcomes.index(True) + 1
    assert not EndpointCheck.objects.free(clock.now()).exists()


@contextmanager
def another_transaction(work):
    """Hold the transaction of another connection open after it has done ``work``."""
    is_done, is_over = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                work()
                is_done.set()
                is_over.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert is_done.wait(20)
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_rows_that_another_transaction_is_leasing_are_left_out_at_once(check):
    other = one_more(check)

    def lease_the_first():
        rows = list(EndpointCheck.objects.free(clock.now()).filter(pk=check.pk).lock_unlocked())
        EndpointCheck.objects.acquire_locked(rows, clock.now() + SOON)

    with another_transaction(lease_the_first), transaction.atomic():
        assert list(EndpointCheck.objects.free(clock.now()).lock_unlocked()) == [other]


def test_locked_rows_are_leased_together_with_what_changes(check):
    rows, until = [check, one_more(check)], clock.now() + SOON
    EndpointCheck.objects.acquire_locked(rows, until, tries=2)
    assert [(row.leased_until, row.tries) for row in rows] == [(until, 2)] * 2
    assert [(read_again(row).leased_until, read_again(row).tries) for row in rows] == [(until, 2)] * 2


def test_a_holder_extends_its_lease_from_now_on(check):
    EndpointCheck.objects.acquire(check, seconds=1)
    first = check.leased_until
    assert EndpointCheck.objects.acquire(check, seconds=60) == [check]
    assert read_again(check).leased_until == check.leased_until > first + timedelta(seconds=50)


def test_a_row_that_is_not_in_the_queryset_is_not_leased(check):
    assert not EndpointCheck.objects.exclude(finished_at=None).acquire(check, tries=3)
    assert (check.leased_until, check.tries) == (None, 0)
    assert (read_again(check).leased_until, read_again(check).tries) == (None, 0)


def test_of_several_leases_those_that_are_lost_stay_lost(check, django_assert_num_queries):
    kept, lost, free = check, one_more(check), one_more(check)
    EndpointCheck.objects.acquire(kept)
    EndpointCheck.objects.acquire(lost)
    before, theirs = lost.leased_until, leased_by_another(lost)
    assert EndpointCheck.objects.acquire(kept, lost, free, seconds=60) == [kept, free]
    assert kept.leased_until == free.leased_until == read_again(kept).leased_until == read_again(free).leased_until
    assert (lost.leased_until, read_again(lost).leased_until) == (before, theirs)
    with django_assert_num_queries(2 if connection.vendor == "postgresql" else 1):  # the time, and one statement
        assert EndpointCheck.objects.acquire(kept, free) == [kept, free]


def test_only_the_holder_changes_and_releases(check):
    EndpointCheck.objects.acquire(check)
    assert EndpointCheck.objects.held(check).update(steps=["ours"]) == 1
    theirs = leased_by_another(check)
    assert EndpointCheck.objects.held(check).update(steps=["late"]) == 0
    assert EndpointCheck.objects.release(check, steps=["late"]) == 0
    assert (read_again(check).leased_until, read_again(check).steps) == (theirs, ["ours"])
    assert EndpointCheck.objects.release(read_again(check), steps=["theirs"]) == 1
    assert (read_again(check).leased_until, read_again(check).steps) == (None, ["theirs"])


def test_no_rows_are_held_by_who_has_none(check):
    assert EndpointCheck.objects.acquire() == []
    assert EndpointCheck.objects.release(steps=["of all"]) == 0
    EndpointCheck.objects.acquire_locked([], clock.now() + SOON)
    assert (read_again(check).leased_until, read_again(check).steps) == (None, [])


@pytest.mark.django_db(transaction=True)
def test_a_thread_extends_a_lease_until_the_block_ends(check, monkeypatch):
    monkeypatch.setattr(leases, "EXTEND_SECONDS", 0.01)
    EndpointCheck.objects.acquire(check, seconds=1)
    first = check.leased_until
    with leases.extend_periodically(check) as extend:
        wait_until(lambda: read_again(check).leased_until > first + timedelta(seconds=leases.SECONDS - 5))
        assert extend()
        theirs = leased_by_another(check)
        assert not extend()
    assert read_again(check).leased_until == theirs
    assert "lease" not in {thread.name for thread in threading.enumerate()}
