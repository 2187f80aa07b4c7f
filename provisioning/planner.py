"""Applies a file in one transaction, which a plan rolls back, so that both follow the same rules.

Refusals by services are collected: all of them are reported, and then nothing is changed.
"""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from core import clock
from provisioning import credentials, recipients, settings
from provisioning.change_set import ChangeSet
from provisioning.document import WorkspaceSpec
from provisioning.members import apply_members
from provisioning.settings import apply_rules
from provisioning.yaml_reader import NotApplicable, Problem
from workspaces.audit.events import Actor, many_events
from workspaces.models import User, Workspace
from workspaces.rights import lock_users
from workspaces.services import ConnectionReport, check_connection, compare_organizations

# Serializes concurrent runs of ``apply``.
_LOCK = 0x6170706C79
_TURN = "SELECT pg_advisory_xact_lock(%s)"


class PlanOutdated(Exception):
    """The steps differ from the plan that was agreed to; nothing was changed."""


@clock.cache_now()
def plan(wanted: Sequence[WorkspaceSpec], actor: Actor, *, delete: bool) -> ChangeSet:
    """Return what would be done. Raises NotApplicable with all refusals."""
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
    """Apply the ``agreed`` plan; ``reports`` hold upstream's checks of the credentials by workspace.

    Raises NotApplicable or PlanOutdated, and then changes nothing. Someone else may already have done everything.
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
    """Check the new credentials of ``run`` with upstream, each workspace's together; return the reports.

    Raises NotApplicable if one does not work, or if upstream is unreachable and ``even_if_unreachable`` is not set.
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
        hint = " To store it anyway, use --even-if-unreachable." if report.may_pass else ""
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
    """Lock and return the workspaces: first all of them, then all people, in the order that is used elsewhere.

    So a change on a page waits, instead of causing a deadlock.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_TURN, [_LOCK])
    rows = Workspace.objects.select_for_update(of=("self",)).select_related("session")
    found = list(rows.filter(slug__in=slugs).order_by("pk"))
    lock_users(*User.objects.filter(memberships__workspace__in=found))
    return {workspace.slug: workspace for workspace in found}
