"""Who loses a workspace hears no more of it, and who comes back hears of it again."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from alerts.models import Recipient
from workspaces.audit.events import CONSOLE
from workspaces.models import Membership, Role, User
from workspaces.services import members, people

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(workspace):
    """A second owner."""
    user = User.objects.create_user("second@example.test")
    Membership.objects.create(user=user, workspace=workspace, role=Role.OWNER)
    return user


def emails_about(watch, user):
    return [row.kind for row in watch.outbox if row.recipient.address == user.email]


def remove(user):
    members.remove_member(Membership.objects.get(user=user), CONSOLE)


@pytest.mark.parametrize("lose", [remove, lambda user: people.deactivate(user, CONSOLE)])
def test_a_notified_recipient_who_left_does_not_get_the_end(watch, send, owner, second, lose):
    watch.rule(repeat_seconds=3600)
    watch.balance(412)
    send()
    lose(second)
    watch.balance(411, after=timedelta(hours=2))
    watch.balance(900)
    assert emails_about(watch, second) == ["firing"]
    assert emails_about(watch, owner) == ["firing", "reminder", "resolved"]


def test_who_comes_back_as_an_owner_is_notified_of_what_fires_then(watch, send, owner, second, workspace):
    remove(second)
    Recipient.objects.create(workspace=workspace, address=second.email, left_at=watch.now)
    Membership.objects.create(user=second, workspace=workspace, role=Role.OWNER)
    watch.rule()
    watch.balance(412)
    assert send() == 2
    watch.balance(900)
    assert emails_about(watch, second) == ["firing", "resolved"]


def test_a_worse_alert_sent_before_they_left_hides_no_milder_one_after_they_came_back(watch, send, owner, second):
    watch.rule(severity="critical", threshold=100, recovery=110, name="Balance gone")
    watch.balance(50)
    remove(second)
    Membership.objects.create(user=second, workspace=watch.workspace, role=Role.OWNER)
    watch.rule()
    watch.balance(49)
    assert emails_about(watch, second) == ["firing", "firing"]
    assert emails_about(watch, owner) == ["firing"]


def test_the_list_of_recipients_says_who_has_left_and_who_is_no_member(client, workspace, owner, second):
    for address in (owner.email, second.email.upper(), "pager@outside.example"):
        Recipient.objects.create(workspace=workspace, address=address)
    remove(second)
    client.force_login(owner)
    page = client.get(reverse("alerts:emails", args=[workspace.slug]))
    shown = {row.address: (row.is_member, row.has_left) for row in page.context["recipients"]}
    assert shown == {
        owner.email: (True, False),
        second.email.upper(): (False, True),
        "pager@outside.example": (False, False),
    }
    assert page.text.count("Not a member") == 2
    assert page.text.count("Has left") == 1


def test_twenty_recipients_take_as_many_queries_as_two(client, workspace, owner, django_assert_max_num_queries):
    client.force_login(owner)
    url = reverse("alerts:emails", args=[workspace.slug])
    client.get(url)

    def ask(count):
        rows = [Recipient(workspace=workspace, address=f"{count}-{one}@example.test") for one in range(count)]
        Recipient.objects.bulk_create(rows)
        with django_assert_max_num_queries(40) as asked:
            client.get(url)
        return len(asked)

    assert ask(2) == ask(18)


def rows_of(client, reader):
    """Each recipient's row on the page, by address."""
    client.force_login(reader)
    page = client.get(reverse("alerts:emails", args=["example-works"])).content.decode()
    rows = re.findall(r"<tr>.*?</tr>", page.partition('id="recipients-head"')[2], re.DOTALL)
    return {re.search(r"[\w.]+@[\w.]+", row).group(): row for row in rows if "@" in row}


def test_an_address_that_only_got_a_test_is_not_listed_as_a_recipient(client, workspace, watch, owner):
    rule = watch.rule(addresses=["pager@example.test"])
    for address in ("pager@example.test", "once@example.test", owner.email):
        Recipient.objects.create(workspace=workspace, address=address)
    Recipient.objects.create(workspace=workspace, address="weekly@example.test", summary="weekly")
    rows = rows_of(client, owner)
    assert {address for address, row in rows.items() if "Not used" in row} == {"once@example.test"}
    rule.enabled = False
    rule.save()
    rows = rows_of(client, owner)
    assert {address for address, row in rows.items() if "Receives emails" in row} == {"weekly@example.test"}


def test_who_has_left_has_no_ticked_box_for_e_mails(client, workspace, owner, watch):
    Recipient.objects.create(workspace=workspace, address="gone@example.test", left_at=watch.now)
    row = rows_of(client, owner)["gone@example.test"]
    assert "Has left" in row
    assert "checkbox" not in row
