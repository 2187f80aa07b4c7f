"""Creates a key. Its secret is in one response only: the one to the form."""

import uuid
from dataclasses import replace

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from cleanlist.errors import ValidationFailed
from core.http import wants_partial
from keys import services
from keys.empty_states import why_no_creation
from keys.forms import CreateKeyForm
from keys.models import ApiKey, KeyCreation
from keys.presenters import key_slots
from keys.services import AnswerLost, FormAlreadySent, NewKey
from keys.views.shared import REFUSALS, get_key
from workspaces.access import get_workspace, require_confirmation, take_kept_entries
from workspaces.audit.events import Actor
from workspaces.error_messages import explain
from workspaces.models import Role, Workspace

MOST_NAMESAKES = 3
ENTRIES = ("name", "expiry", "expires_on")


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for name and expiry; respond to the form with the new key's secret, or with why there is none."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    if request.method != "POST":
        return _ask(request, workspace)
    require_confirmation(request, keep=ENTRIES)
    form = CreateKeyForm(request.POST)
    if not form.is_valid():
        return _form_page(request, workspace, form)
    wanted = {name: form.cleaned_data[name] for name in ("name", "expires_at", "form_id")}
    try:
        new = services.create_key(workspace, Actor.of(request), **wanted)
    except FormAlreadySent as sent:
        return _what_came_of(request, "keys/already_sent.html", sent.creation)
    except AnswerLost as lost:
        # The page itself explains what is unknown and what to do about it, because it knows what the list shows.
        what_broke = replace(explain(lost.error), text=str(lost.error), fix="", action_url_name="")
        extra: dict[str, object] = {"explanation": what_broke, "list_was_read": lost.list_was_read}
        return _what_came_of(request, "keys/answer_lost.html", lost.creation, **extra)
    except REFUSALS as error:
        return _refused(request, workspace, form, error)
    return _reveal(request, workspace, new)


def _ask(request: HttpRequest, workspace: Workspace) -> HttpResponse:
    """Show the form, or while a name is typed into it, only which active keys have that name."""
    if wants_partial(request):
        namesakes = ApiKey.objects.of(workspace).active_with_name(request.GET.get("name", ""))
        return render(request, "keys/new.html#namesakes", {"namesakes": namesakes[:MOST_NAMESAKES]})
    require_confirmation(request, keep=ENTRIES)
    return _form_page(request, workspace, CreateKeyForm(initial=take_kept_entries(request)))


def _form_page(
    request: HttpRequest, workspace: Workspace, form: CreateKeyForm, explanation: object = None
) -> HttpResponse:
    name = str(form["name"].value() or "")
    context = {
        "form": form,
        "namesakes": ApiKey.objects.of(workspace).active_with_name(name)[:MOST_NAMESAKES] if name else (),
        "explanation": explanation,
        "blank": why_no_creation(workspace),
        "slots": key_slots(workspace),
    }
    return render(request, "keys/new.html", context, status=422 if form.is_bound else 200)


def _refused(request: HttpRequest, workspace: Workspace, form: CreateKeyForm, error: Exception) -> HttpResponse:
    """Show the form as it was filled in, with upstream's reason at the field that it names, if any."""
    if isinstance(error, ValidationFailed):
        for item in error.validation_errors:
            field = {"name": "name", "expires_at": "expires_on"}.get(item.where)
            if field:
                form.add_error(field, item.message)
    return _form_page(request, workspace, form.again(), explain(error))


@sensitive_variables()
def _reveal(request: HttpRequest, workspace: Workspace, new: NewKey) -> HttpResponse:
    key = new.key
    namesakes = ApiKey.objects.of(workspace).active_with_name(new.creation.name)
    if key is not None:
        key.workspace = workspace
        namesakes = namesakes.exclude(pk=key.pk)
    context = {
        "creation": new.creation,
        "key": key,
        "namesakes": namesakes[:MOST_NAMESAKES],
        "secret": new.secret.reveal(),
        "expires_at": new.expires_at,
        "revoke_url": reverse("keys:revoke", args=[workspace.slug, key.key_id]) if key else "",
        "base_url": workspace.base_url,
        "home_url": key.get_absolute_url() if key else reverse("keys:list", args=[workspace.slug]),
    }
    response = render(request, "keys/created.html", context)
    patch_cache_control(response, no_store=True, private=True)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _what_came_of(request: HttpRequest, template: str, creation: KeyCreation, **extra: object) -> HttpResponse:
    states = {state.name: creation.state == state for state in KeyCreation.State}
    context = {"creation": creation, "key": creation.key, "is": states}
    return render(request, template, context | extra)


@require_POST
def seen(request: HttpRequest, slug: str) -> HttpResponse:
    """Record that the page with the secret arrived. Sent by that page itself, or without scripts by a button."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    try:
        form_id = uuid.UUID(request.POST.get("form_id", ""))
    except ValueError:
        return HttpResponse("form_id must be the ID of a form.\n", status=400, content_type="text/plain")
    creation = KeyCreation.objects.filter(workspace=workspace, form_id=form_id).first()
    by_them = creation is not None and creation.user_id == request.user.pk
    if creation is not None and by_them and creation.state == KeyCreation.State.SUCCEEDED:
        creation.workspace = workspace
        services.mark_secret_seen(creation, Actor.of(request))
    if request.POST.get("go"):
        return HttpResponseRedirect(reverse("keys:list", args=[workspace.slug]))
    return HttpResponse(status=204)


@require_POST
def dismiss(request: HttpRequest, slug: str, key_id: uuid.UUID) -> HttpResponse:
    """Stop warning about a key's unseen secret."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    key: ApiKey = get_key(workspace, key_id)
    services.dismiss_unseen_secret(key)
    return HttpResponseRedirect(reverse("keys:list", args=[workspace.slug]))
