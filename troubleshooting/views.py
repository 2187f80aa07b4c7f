"""The troubleshooter: what is wrong, said or pasted; a verdict; and checks that run one by one."""

from dataclasses import replace
from functools import reduce
from itertools import takewhile

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from cleanlist.pricing import MAX_CONTACTS
from keys.presenters import visible_ends
from troubleshooting.body.sending import CONTENT_TYPE
from troubleshooting.body.validation import refuse_content_type, validate_body
from troubleshooting.cases import Case, CaseForm, remember_said, with_said
from troubleshooting.check_result import CheckResult, link
from troubleshooting.check_runner import (
    CaseVerdict,
    CompletedCheck,
    closing_words,
    first_verdict,
    is_another_cause,
    run_check,
    run_checks,
    verdict_from,
    verdict_of_all,
    verdict_on_workflow,
    without_repeats,
    worse_state,
)
from troubleshooting.checks import CHECKS, checks_for
from troubleshooting.checks.request_shape import result_of_body
from troubleshooting.checks.workflows import stored_deliveries
from troubleshooting.client_topics import UNLISTED
from troubleshooting.pasted.recognizer import RecognizedPaste, recognize
from troubleshooting.pasted.secrets import remove_secrets
from troubleshooting.topics import BODY, WORKFLOW, all_topics
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Milestone, Workspace
from workspaces.services.milestones import note_in_sandbox

Checks = list[CompletedCheck]
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
    context["by_hand"] = "by_hand" in request.GET or form.errors
    context |= _already(case, _instantly(request, workspace, case))
    return render(request, PAGE, context)


def _instantly(request: HttpRequest, workspace: Workspace, case: Case, body: CheckResult | None = None) -> Checks:
    """Run the checks at the beginning that look only at the case; that of the body has its result already."""
    steps = list(takewhile(lambda step: step.is_instant, checks_for(case)))
    actor, of_body = Actor.of(request), [CompletedCheck(CHECKS["shape"], body)] if body else []
    ran = [run_check(step, workspace, case, actor) for step in steps if not (body and step.name == "shape")]
    return [*of_body, *ran] if case.topic in {"shape", BODY} else [*ran, *of_body]


def _already(case: Case, done: Checks) -> dict[str, object]:
    """Return what a page shows whose first checks are done."""
    if not done:
        return {}
    names = {one.step.name for one in done}
    waiting = [step for step in checks_for(case) if step.name not in names]
    worst = reduce(lambda so_far, one: worse_state(one.result, so_far), done, "")
    verdict, others = verdict_of_all(case, done)
    return {
        "instant": without_repeats(done, verdict, others),
        "waiting": waiting,
        "verdict": verdict,
        "others": others,
        "query": _state(case, worst),
        "closing_words": "" if waiting else closing_words(case, worst),
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
    if found.body and (judged := _judge(request, workspace, found)):
        return judged
    remember_said(request, found.case)
    return HttpResponseRedirect(f"{reverse('troubleshoot', args=[workspace.slug])}?{found.case.query}")


def _judge(request: HttpRequest, workspace: Workspace, found: RecognizedPaste) -> HttpResponse | None:
    """Validate a pasted request body at once: it holds contact data, so it is neither stored nor put into a URL.

    None where it is right, and something else of the request isn't.
    """
    verdict = validate_body(found.body, is_filled=found.is_filled)
    if CONTENT_TYPE in found.notes:
        verdict = refuse_content_type(verdict)
    if verdict.accepted and found.case.topic != "shape":
        return None
    case = replace(found.case, contacts=verdict.contacts or None, type=verdict.enrichment_type)
    if verdict.accepted and case.topic == "shape" and (case.status or 200) < 400:
        case = replace(case, topic=BODY)
    done = _instantly(request, workspace, case, result_of_body(verdict))
    form = CaseForm(QueryDict(case.query), workspace)
    context = _context(workspace, form, form.case()) | {
        **_already(case, done),
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
    is_another = is_another_cause(case, done, so_far)
    verdict = None if is_another else _verdict(workspace, case, done, is_worse=worst != so_far)
    others = [done.result] if is_another else []
    context = {
        "case": case,
        "done": without_repeats([done], verdict, others)[0],
        "verdict": verdict,
        "others": others,
        "next": steps[place] if place < len(steps) else None,
        "query": _state(case, worst),
        "closing_words": closing_words(case, worst) if place == len(steps) else "",
    }
    return render(request, "troubleshooting/step.html", context)


def _verdict(workspace: Workspace, case: Case, done: CompletedCheck, *, is_worse: bool) -> CaseVerdict | None:
    """Return the verdict that a check changes; None if the one shown stays."""
    if case.topic == WORKFLOW and case.subject and done.step.name not in case.subject.steps:
        return None
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
    verdict, others = verdict_of_all(case, done)
    context = _context(workspace, form, case) | {
        "done": without_repeats(done, verdict, others),
        "verdict": verdict,
        "others": others,
        "closing_words": closing_words(case, reduce(lambda so_far, one: worse_state(one.result, so_far), done, "")),
    }
    return render(request, PAGE, context)


def _state(case: Case, worst: str) -> str:
    return case.query + (f"&{urlencode({'so_far': worst})}" if worst else "")


def _context(workspace: Workspace, form: CaseForm, case: Case) -> dict[str, object]:
    return {
        "form": form,
        "case": case,
        "topic": case.subject,
        "topics": [topic for topic in all_topics() if topic.name not in {BODY, *UNLISTED}],
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
