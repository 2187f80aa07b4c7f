"""Members, rules, recipients, budget and quiet hours as a file lists them."""

import pytest

from alerts.models import QuietHours, Recipient, Rule, Stream
from alerts.services.recipients import unsubscribe
from usage.models import Budget
from workspaces.models import Invitation, Membership
from workspaces.services import account_mail

pytestmark = pytest.mark.django_db


# --- members --------------------------------------------------------------------------------------------------


def test_roles_are_changed_and_those_who_are_not_listed_stay(apply, workspace, owner, operator, viewer):
    said = apply("workspaces: {example-works: {members: {viewer@example.test: operator}}}")
    assert said.code == 0
    assert dict(Membership.objects.values_list("user__email", "role")) == {
        owner.email: "owner",
        operator.email: "operator",
        viewer.email: "operator",
    }
    assert said.out.count("! only here") == 2


def test_those_who_are_not_listed_go_when_told(apply, workspace, owner, operator):
    said = apply("workspaces: {example-works: {members: {owner@example.test: owner}}}", "--delete")
    assert "- remove     workspaces.example-works.members: operator@example.test, an operator" in said.out
    assert Membership.objects.get().user == owner


@pytest.mark.parametrize("members", ["{}", "{operator@example.test: operator}", "{owner@example.test: viewer}"])
def test_the_last_owner_stays(apply, workspace, owner, operator, members):
    said = apply(f"workspaces: {{example-works: {{members: {members}}}}}", "--delete")
    assert said.code == 1
    assert "This is the last owner. Make someone else an owner first." in said.err
    assert Membership.objects.count() == 2


def test_an_owner_can_follow_another(apply, workspace, owner, operator):
    said = apply("workspaces: {example-works: {members: {owner@example.test: viewer, operator@example.test: owner}}}")
    assert (said.code, said.err) == (0, "")
    assert Membership.objects.get(role="owner").user == operator


def test_an_invitation_of_the_command_line_can_be_accepted(apply, workspace, client, mailoutbox):
    apply("workspaces: {example-works: {members: {lead@example.test: owner}}}")
    account_mail.send_due()
    link = next(word for word in mailoutbox[0].body.split() if "/invitation" in word or "invite_" in word)
    password = dict.fromkeys(("password", "password_again"), "four quiet unrelated words")
    client.post("/" + link.split("/", 3)[3], {"name": "", "way": "password", **password})
    assert Membership.objects.get().user.email == "lead@example.test"


def test_an_invitation_for_another_role_replaces_the_one_before(apply, workspace):
    apply("workspaces: {example-works: {members: {lead@example.test: owner}}}")
    said = apply("workspaces: {example-works: {members: {lead@example.test: viewer}}}")
    assert "owner → viewer, sent again" in said.out
    assert Invitation.objects.open().get().role == "viewer"


def test_an_invitation_whose_sender_may_invite_no_more_is_sent_again(apply, workspace, owner, stranger):
    workspace.invitations.create(email="lead@example.test", role="viewer", invited_by=stranger, token_hash="x")
    apply("workspaces: {example-works: {members: {lead@example.test: viewer}}}")
    assert Invitation.objects.open().vouched_for().get().by_console


def test_invitations_that_are_not_listed_are_revoked_when_told(apply, workspace):
    apply("workspaces: {example-works: {members: {lead@example.test: viewer, watcher@example.test: viewer}}}")
    apply("workspaces: {example-works: {members: {lead@example.test: viewer}}}", "--delete")
    assert Invitation.objects.open().get().email == "lead@example.test"


def test_an_account_without_the_workspace_is_invited_like_anybody(apply, workspace, stranger):
    apply("workspaces: {example-works: {members: {stranger@example.test: viewer}}}")
    assert not Membership.objects.exists()
    assert Invitation.objects.get().email == stranger.email


# --- rules, recipients, budget --------------------------------------------------------------------------------


def rules(*items):
    return "workspaces:\n  example-works:\n    rules:\n" + "".join(f"      - {item}\n" for item in items)


BALANCE = "{{kind: balance_below, unit: credits, name: {}, severity: {}, threshold: {}}}"


@pytest.fixture
def two_levels(apply, workspace):
    apply(rules(BALANCE.format("Low", "warning", 500), BALANCE.format("Lower", "critical", 100)))
    return {rule.name: rule for rule in Rule.objects.all()}


def test_a_changed_rule_stays_the_same_rule(apply, two_levels):
    said = apply(rules(BALANCE.format("Low", "warning", 600)))
    assert "~ change     workspaces.example-works.rules[1]: “Low” (balance_below): threshold 500 → 600" in said.out
    assert Rule.objects.get(pk=two_levels["Low"].pk).threshold == 600
    assert Rule.objects.filter(pk=two_levels["Lower"].pk).exists()


def test_levels_are_held_against_each_other_as_they_will_be(apply, two_levels):
    assert apply(rules(BALANCE.format("Low", "critical", 500), BALANCE.format("Lower", "warning", 100))).code == 1
    swapped = rules(BALANCE.format("Low", "critical", 50), BALANCE.format("Lower", "warning", 800))
    assert (apply(swapped).err, apply(swapped).out[:13]) == ("", "Nothing to do")


def test_a_level_out_of_line_with_a_rule_that_is_not_listed_is_refused_unless_that_goes(apply, two_levels):
    above = rules(BALANCE.format("Low", "warning", 90))
    said = apply(above)
    assert "workspaces.example-works.rules[1].threshold: Levels must descend" in said.err
    assert Rule.objects.get(name="Low").threshold == 500
    assert apply(above, "--delete").code == 0
    assert Rule.objects.get().threshold == 90


def test_rules_of_the_same_name_are_told_apart_by_what_they_say(apply, workspace):
    both = rules(*(f"{{kind: spent_above, name: Spent, threshold: {level}}}" for level in (10, 20)))
    apply(both)
    kept = Rule.objects.get(threshold=20).pk
    assert apply(both).out.startswith("Nothing to do")
    apply(rules("{kind: spent_above, name: Spent, threshold: 20}"), "--delete")
    assert Rule.objects.get().pk == kept


def test_a_rule_that_an_app_no_longer_knows_is_left_alone(apply, workspace):
    Rule.objects.create(workspace=workspace, kind="gone", name="Old", threshold=1, recovery=1)
    assert apply(rules(), "--delete").out.startswith("Nothing to do")


def test_what_a_reader_ended_is_not_begun_again(apply, workspace):
    text = "workspaces: {example-works: {recipients: {finance@example.test: {summary: daily, critical: true}}}}"
    apply(text)
    unsubscribe(Recipient.objects.get(), [Stream.SUMMARY, Stream.CRITICAL])
    said = apply(text)
    assert said.out.count("! left alone") == 2
    assert "Nothing to do" in said.out
    assert not Recipient.objects.get().wants(Stream.SUMMARY)
    assert not Recipient.objects.get().wants(Stream.CRITICAL)


def test_a_summary_ends_when_told_and_the_rest_of_a_recipient_stays(apply, workspace):
    apply("workspaces: {example-works: {recipients: {f@example.test: {summary: daily, warnings: false}}}}")
    assert apply("workspaces: {example-works: {recipients: {}}}").out.startswith("! only here")
    apply("workspaces: {example-works: {recipients: {}}}", "--delete")
    row = Recipient.objects.get()
    assert (row.summary, row.warnings_off_at is None) == ("", False)


def test_a_new_budget_brings_its_rules_unless_rules_are_listed(apply, workspace):
    apply("workspaces: {example-works: {budget: {credits: 100, length: week}}}")
    assert Rule.objects.filter(kind__startswith="budget").count() == 2
    assert apply("workspaces: {example-works: {budget: {credits: 100.0, length: week}}}").out.startswith("Nothing")
    apply("workspaces: {example-works: {budget: null}}", "--delete")
    assert not Budget.objects.exists()
    apply("workspaces: {example-works: {budget: {credits: 100, length: week}, rules: []}}")
    assert not Rule.objects.exists()


def test_quiet_hours_end_when_told(apply, workspace):
    apply("workspaces: {example-works: {quiet_hours: {begin: 22:00, end: 06:30}}}")
    apply("workspaces: {example-works: {quiet_hours: }}", "--delete")
    assert not QuietHours.objects.exists()


def test_an_owner_of_the_page_can_take_an_invitation_over(apply, workspace, owner, client):
    apply("workspaces: {example-works: {members: {lead@example.test: viewer}}}")
    client.force_login(owner)
    client.post(f"/w/example-works/invitations/{Invitation.objects.get().pk}/resend/")
    invitation = Invitation.objects.get()
    assert (invitation.invited_by, invitation.by_console) == (owner, False)
