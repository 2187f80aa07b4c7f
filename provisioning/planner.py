"""Carries a file out: everything in one transaction, which a plan takes back, so that both go by the same rules.

What services refuse is gathered: all of it is said, and then nothing is done.
"""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from core import clock
from provisioning import credentials, recipients, settings
from provisioning.change_set import ChangeSet
from provisioning.document import WorkspaceSpec
from provisioning.members import apply_members
from provisioning.rule_changes import apply_rules
from provisioning.yaml_reader import NotApplicable, Problem
from workspaces.audit.events import Actor, many_events
from workspaces.models import User, Workspace
from workspaces.rights import lock_users
from workspaces.services import ConnectionReport, check_connection, compare_organizations

# So that two who apply take turns.
_LOCK = 0x6170706C79
_TURN = "SELECT pg_advisory_xact_lock(%s)"


class PlanOutdated(Exception):
    """What there is to do is not what was agreed to; nothing was done."""


@clock.cache_now()
def plan(wanted: Sequence[WorkspaceSpec], actor: Actor, *, delete: bool) -> ChangeSet:
    """Return what would be done. Raises NotApplicable with everything that is refused."""
    run = ChangeSet(actor, delete=delete)
    with transaction.atomic():
        with many_events():
            _apply(run, wanted)
        transaction.set_rollback(True)
    if run.problems:
        raise NotApplicable(run.problems)
    return run


@clock.cache_now()
def apply_plan(
    wanted: Sequence[WorkspaceSpec], agreed: ChangeSet, reports: Mapping[str, ConnectionReport]
) -> ChangeSet:
    """Do what was ``agreed``; ``reports`` say what upstream thinks of the credentials, by workspace.

    Raises NotApplicable or PlanOutdated, and then nothing is done. Somebody else may have done all of it.
    """
    run = ChangeSet(agreed.actor, delete=agreed.delete, reports=reports)
    with many_events():
        _apply(run, wanted)
        if run.problems:
            raise NotApplicable(run.problems)
        if run.changes and run.steps != agreed.steps:
            raise PlanOutdated
    return run


def check_credentials(run: ChangeSet, *, even_if_unreachable: bool) -> dict[str, ConnectionReport]:
    """Try the new credentials of ``run`` against upstream, each workspace's together; return the reports.

    Raises NotApplicable where one does not work, or where ``even_if_unreachable`` forbids not knowing.
    """
    reports, problems = {}, []
    for new in run.credentials:
        report = check_connection(new.base_url, new.credentials.for_api_key(), new.credentials.for_session())
        if new.workspace is not None:
            compare_organizations(report, new.workspace)
        reports[new.slug] = report
        if report.works or (even_if_unreachable and report.may_pass):
            continue
        failed = [check for check in report.checks if check.state == "failed"]
        words = " ".join(f"{check.label}: {check.text} {check.fix}".strip() for check in failed)
        hint = " With --even-if-unreachable it is stored all the same." if report.may_pass else ""
        problems.append(Problem(new.node.line, new.node.path, words + hint))
    if problems:
        raise NotApplicable(problems)
    return reports


def _apply(run: ChangeSet, wanted: Sequence[WorkspaceSpec]) -> None:
    known = _locked([one.slug for one in wanted])
    for one in wanted:
        workspace = known.get(one.slug)
        if one.is_absent:
            settings.remove(run, one, workspace)
            continue
        if workspace is None:
            workspace = credentials.connect(run, one)
        else:
            settings.apply_details(run, one, workspace)
            credentials.apply_credentials(run, one, workspace)
        if workspace is not None:
            _apply_parts(run, one, workspace)


def _apply_parts(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    settings.apply_switches(run, wanted, workspace)
    apply_members(run, wanted, workspace)
    apply_rules(run, wanted, workspace)
    settings.apply_budget(run, wanted, workspace)
    settings.apply_quiet_hours(run, wanted, workspace)
    recipients.apply_recipients(run, wanted, workspace)


def _locked(slugs: Sequence[str]) -> dict[str, Workspace]:
    """Return the workspaces as they are, which stay so: first all of them, then all people, as elsewhere one by one.

    Whoever changes one on a page waits, rather than each for what the other has taken.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_TURN, [_LOCK])
    rows = Workspace.objects.select_for_update(of=("self",)).select_related("session")
    found = list(rows.filter(slug__in=slugs).order_by("pk"))
    lock_users(*User.objects.filter(memberships__workspace__in=found))
    return {workspace.slug: workspace for workspace in found}
