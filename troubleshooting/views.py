"""The troubleshooter: what is wrong, said or pasted; a verdict; and checks that run one by one."""

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from cleanlist.pricing import MAX_CONTACTS
from keys.presenters import visible_ends
from troubleshooting.body.validation import refuse_content_type, validate_body
from troubleshooting.cases import Case, CaseForm, remember_said, with_said
from troubleshooting.check_result import CheckResult, link
from troubleshooting.check_runner import (
    CaseVerdict,
    CompletedCheck,
    closing_words,
    first_verdict,
    run_check,
    run_checks,
    verdict_from,
    verdict_on_workflow,
    worse_state,
)
from troubleshooting.checks import CHECKS, checks_for
from troubleshooting.checks.request_shape import result_of_body
from troubleshooting.checks.workflows import stored_deliveries
from troubleshooting.pasted.recognizer import CONTENT_TYPE, RecognizedPaste, recognize
from troubleshooting.pasted.secrets import remove_secrets
from troubleshooting.topics import WORKFLOW, all_topics
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Milestone, Workspace
from workspaces.services.milestones import note_in_sandbox

PAGE = "troubleshooting/page.html"


@sensitive_post_parameters("text")
@require_http_methods(["GET", "HEAD", "POST"])
def troubleshoot(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the case in the query string, or recognize what was pasted and redirect to its case."""
    workspace = get_workspace(request, slug)
    if request.method == "POST":
        return _recognize(request, workspace)
    form = CaseForm(request.GET, workspace)
    case = with_said(request, form.case())
    context = _context(workspace, form, case) | {"verdict": first_verdict(case), "can_run_again": True}
    first = next(iter(checks_for(case)), None)
    if first and first.is_instant:
        context |= _already(case, run_check(first, workspace, case, Actor.of(request)))
    return render(request, PAGE, context)


def _already(case: Case, done: CompletedCheck) -> dict[str, object]:
    """Return what a page shows whose first check is done."""
    waiting = checks_for(case)[1:]
    return {
        "first": done,
        "waiting": waiting,
        "verdict": verdict_from(case, done.result),
        "query": _state(case, done.result.state),
        "closing_words": "" if waiting else closing_words(case, done.result.state),
    }


def _recognize(request: HttpRequest, workspace: Workspace) -> HttpResponse:
    """Redirect to the case that is recognized in what was pasted."""
    stripped = remove_secrets(request.POST.get("text", ""))
    if stripped.found:
        messages.warning(
            request, "Your text contained a secret. The console discarded it right away and didn't store it."
        )
    found = recognize(stripped.text, workspace)
    if not found.case.topic:
        context = _context(workspace, CaseForm({}, workspace), Case())
        shown = {"not_recognized": True, "pasted": stripped.text}
        return render(request, PAGE, context | shown, status=422)
    if found.case.status == 401:
        note_in_sandbox(request, workspace, Milestone.Name.ERROR_PASTED)
    if found.body:
        return _judge(request, workspace, found)
    remember_said(request, found.case)
    return HttpResponseRedirect(f"{reverse('troubleshoot', args=[workspace.slug])}?{found.case.query}")


def _judge(request: HttpRequest, workspace: Workspace, found: RecognizedPaste) -> HttpResponse:
    """Validate a pasted request body at once: it holds contact data, so it is neither stored nor put into a URL."""
    verdict = validate_body(found.body)
    if CONTENT_TYPE in found.notes:
        verdict = refuse_content_type(verdict)
    case = replace(found.case, contacts=verdict.contacts or None, type=verdict.enrichment_type)
    done = CompletedCheck(CHECKS["shape"], result_of_body(verdict))
    form = CaseForm(QueryDict(case.query), workspace)
    context = _context(workspace, form, form.case()) | {
        **_already(case, done),
        "accepted": verdict.accepted,
        "body": found.body if verdict.contacts > MAX_CONTACTS else "",
        "batches_url": _batches_url(workspace),
        "repairable": found.body if verdict.repaired else "",
    }
    return render(request, PAGE, context)


@require_POST
def check(request: HttpRequest, slug: str, step: str) -> HttpResponse:
    """Run one check of the case in the query string; its response starts the next one."""
    workspace = get_workspace(request, slug)
    case = with_said(request, CaseForm(request.GET, workspace).case())
    steps = checks_for(case)
    if step not in CHECKS or CHECKS[step] not in steps:
        raise Http404("Check not found for this case.")
    done = run_check(CHECKS[step], workspace, case, Actor.of(request))
    so_far = request.GET.get("so_far", "")
    worst = worse_state(done.result, so_far)
    place = steps.index(done.step) + 1
    context = {
        "case": case,
        "done": done,
        "verdict": _verdict(workspace, case, done, is_worse=worst != so_far),
        "next": steps[place] if place < len(steps) else None,
        "query": _state(case, worst),
        "closing_words": closing_words(case, worst) if place == len(steps) else "",
    }
    return render(request, "troubleshooting/step.html", context)


def _verdict(workspace: Workspace, case: Case, done: CompletedCheck, *, is_worse: bool) -> CaseVerdict | None:
    """Return the verdict that a check changes; None if the one shown stays."""
    if case.topic != WORKFLOW:
        return verdict_from(case, done.result) if is_worse and done.result.is_finding else None
    earlier = None if done.step.follows else stored_deliveries(workspace, case)
    return verdict_on_workflow([earlier, done.result] if earlier else [done.result])


@require_POST
def check_all(request: HttpRequest, slug: str) -> HttpResponse:
    """Run every check of the case and show all in one page, for browsers without scripts."""
    workspace = get_workspace(request, slug)
    form = CaseForm(request.GET, workspace)
    case = with_said(request, form.case())
    done = run_checks(workspace, case, Actor.of(request))
    worst = max((one.result for one in done), key=lambda result: result.rank, default=None)
    context = _context(workspace, form, case) | {
        "done": done,
        "verdict": _overall(case, done, worst),
        "closing_words": closing_words(case, worst.state) if worst else "",
    }
    return render(request, PAGE, context)


def _overall(case: Case, done: list[CompletedCheck], worst: CheckResult | None) -> CaseVerdict | None:
    if worst is None:
        return first_verdict(case)
    return verdict_on_workflow([one.result for one in done]) if case.topic == WORKFLOW else verdict_from(case, worst)


def _state(case: Case, worst: str) -> str:
    return case.query + (f"&{urlencode({'so_far': worst})}" if worst else "")


def _context(workspace: Workspace, form: CaseForm, case: Case) -> dict[str, object]:
    return {
        "form": form,
        "case": case,
        "topic": case.subject,
        "topics": list(all_topics()),
        "steps": checks_for(case),
        "waiting": checks_for(case),
        "query": _state(case, ""),
        "key_label": form.label_of_key(),
        "bundle_url": _bundle_url(workspace, case),
        "finder": visible_ends(workspace),
    }


def _batches_url(workspace: Workspace) -> str:
    """Return the URL that splits a body into batches; empty if the console has none."""
    links = link(workspace, "", "troubleshoot_batches")
    return links[0].url if links else ""


def _bundle_url(workspace: Workspace, case: Case) -> str:
    """Return the page that puts a support bundle together for this case; empty while the console has none."""
    values = {
        "workflow": case.workflow,
        "request": case.request_id,
        "key": str(case.key or ""),
        "endpoint": case.endpoint,
        "status": str(case.status or ""),
        "said": "1" if case.said else "",
    }
    query = urlencode({name: value for name, value in values.items() if value})
    links = link(workspace, "", "support_bundle", query=f"?{query}" if query else "")
    return links[0].url if links else ""
