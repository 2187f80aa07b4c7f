"""Lets site admins manage all accounts of the console."""

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import Context, redirect_to, render_page
from core.sanitize import sanitize_text
from workspaces import rights
from workspaces.access import require_confirmation, require_site_admin
from workspaces.accounts.sessions import SessionStore
from workspaces.audit.events import Actor
from workspaces.models import Membership, SessionLimits, User
from workspaces.models.user import SECOND_FACTORS
from workspaces.people_forms import SessionLimitsForm
from workspaces.services import people as services
from workspaces.services.people import NotPossible
from workspaces.services.sessions import set_limits
from workspaces.services.sessions import sign_out as sign_out_everywhere

PAGE_SIZE = 50


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """List accounts with their workspaces and second factors: active ones first, then by email address."""
    require_site_admin(request)
    searched, after = (sanitize_text(request.GET.get(name, ""), 254).strip() for name in ("q", "after"))
    memberships = Membership.objects.select_related("workspace").order_by("workspace__name")
    factors = User.objects.filter(pk=OuterRef("pk"), authenticator__type__in=SECOND_FACTORS)
    accounts = (
        User.objects.annotate(has_mfa=Exists(factors))
        .prefetch_related(Prefetch("memberships", memberships), "socialaccount_set")
        .order_by("-is_active", "email")
    )
    if searched:
        accounts = accounts.filter(Q(email__icontains=searched) | Q(name__icontains=searched))
    if last := User.objects.filter(email=after).first():
        later = Q(is_active=last.is_active, email__gt=last.email)
        accounts = accounts.filter(later | Q(is_active=False) if last.is_active else later)
    rows = list(accounts[: PAGE_SIZE + 1])
    more = rows[PAGE_SIZE - 1].email if len(rows) > PAGE_SIZE else ""
    context = {"accounts": rows[:PAGE_SIZE], "searched": searched, "after": last, "more": more}
    return render(request, "workspaces/people.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate(request: HttpRequest, user_id: int) -> HttpResponse:
    """Deactivate an account, after a confirmation page."""
    consequences = [
        "They're signed out everywhere and can't sign in until you reactivate the account.",
        "Their roles are kept for reactivation. Anything that ends now isn't restored.",
        "Keys they created stay active. Revoke any they may still have.",
    ]
    words = {"title": "Deactivate {email}?", "button": "Deactivate", "consequences": consequences}
    return _confirmed(request, user_id, services.deactivate, words, "{email} is deactivated.")


@require_http_methods(["GET", "HEAD", "POST"])
def reset_mfa(request: HttpRequest, user_id: int) -> HttpResponse:
    """Delete the second factors of somebody who lost theirs, after a confirmation page."""
    consequences = [
        "Their authenticator app, passkeys and recovery codes stop working, and they're signed out everywhere.",
        "They can sign in with their password alone until they set up a new second factor.",
        "They're notified by email. First make sure the request really came from them.",
    ]
    words = {"title": "Reset the second factors of {email}?", "button": "Reset", "consequences": consequences}
    return _confirmed(request, user_id, services.reset_mfa, words, "{email} can sign in without a second factor now.")


@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest, user_id: int) -> HttpResponse:
    """End all sessions of an account, after a confirmation page."""
    consequences = [
        "All their browsers are signed out.",
        "Their unsaved changes may be lost.",
        "Their password, second factors and roles stay. If someone else may know the password, ask them to change it.",
    ]
    words = {"title": "Sign {email} out everywhere?", "button": "Sign out everywhere", "consequences": consequences}
    return _confirmed(request, user_id, sign_out_everywhere, words, "{email} is signed out everywhere.")


@require_http_methods(["GET", "HEAD", "POST"])
def session_limits(request: HttpRequest) -> HttpResponse:
    """Show the session limits. Changing them ends all other sessions."""
    require_site_admin(request)
    require_confirmation(request)
    now = SessionLimits.in_force()
    sent = request.POST if request.method == "POST" else None
    form = SessionLimitsForm(sent, initial={"idle_minutes": now.idle_minutes, "hours": now.hours})
    if form.is_valid():
        ended = set_limits(form.limits(), Actor.of(request), cast("SessionStore", request.session))
        done = f"Limits changed. Other sessions ended: {ended:,}."
        return redirect_to(request, reverse("workspaces:people"), done)
    return render(request, "workspaces/session_limits.html", {"form": form}, status=422 if form.is_bound else 200)


@require_POST
def reactivate(request: HttpRequest, user_id: int) -> HttpResponse:
    require_site_admin(request)
    require_confirmation(request, reverse("workspaces:people"))
    user = get_object_or_404(User, pk=user_id)
    services.reactivate(user, Actor.of(request))
    return redirect_to(request, reverse("workspaces:people"), f"{user.email} can sign in again.")


def _confirmed(
    request: HttpRequest, user_id: int, command: Callable[[User, Actor], None], words: Context, done: str
) -> HttpResponse:
    require_site_admin(request)
    require_confirmation(request)
    user = get_object_or_404(User, pk=user_id)
    back = reverse("workspaces:people")
    if request.method != "POST":
        context = {**words, "title": words["title"].format(email=user.email), "action_url": request.path}
        if command is services.deactivate:
            endings = rights.preview_endings(services.loss_of_account(user, Actor.of(request)))
            context["consequences"] = [*words["consequences"], *endings]
        context |= {"back_url": back, "back_label": "People", "keep": "Cancel"}
        return render_page(request, "workspaces/confirm.html", "dialog", context)
    try:
        command(user, Actor.of(request))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect_to(request, back)
    return redirect_to(request, back, done.format(email=user.email))
