"""Lets owners invite and remove members, change roles, and require a second factor."""

from typing import Any

from django.contrib import messages
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import Context, redirect_to, render_page
from workspaces import rights
from workspaces.access import get_workspace, require_confirmation, take_kept_entries
from workspaces.audit.events import Actor
from workspaces.mail_limits import TooManyEmails
from workspaces.models import Membership, Role, User, Workspace
from workspaces.models.invitation import sender_may_invite
from workspaces.models.user import SECOND_FACTORS
from workspaces.people_forms import InvitationForm, MfaForm, RoleForm
from workspaces.services import members as services
from workspaces.services.members import MembershipRefused

TEMPLATE = "workspaces/members.html"


@require_safe
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """Show members, invitations and whether a second factor is required."""
    workspace = get_workspace(request, slug, Role.OWNER)
    form = InvitationForm(initial=take_kept_entries(request))
    return render(request, TEMPLATE, _context(workspace, form))


@require_POST
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Send an invitation by email."""
    workspace = _guarded(request, slug, keep=("email", "role"))
    form = InvitationForm(request.POST)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            services.invite(workspace, Actor.of(request), email=email, role=role)
        except (MembershipRefused, TooManyEmails) as refusal:
            form.add_error("email", str(refusal))
        else:
            return redirect_to(request, _url(workspace), f"The invitation to {email} is on its way.")
    return render(request, TEMPLATE, _context(workspace, form), status=422)


@require_POST
def resend(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    """Send a new link to an invited person."""
    workspace = _guarded(request, slug)
    invitation = get_object_or_404(workspace.invitations, pk=invitation_id)
    try:
        services.resend_invitation(invitation, Actor.of(request))
    except (MembershipRefused, TooManyEmails) as problem:
        return _failed(request, workspace, problem)
    return redirect_to(request, _url(workspace), f"{invitation.email} gets a new link. The old one no longer works.")


@require_POST
def revoke(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    workspace = _guarded(request, slug)
    invitation = get_object_or_404(workspace.invitations, pk=invitation_id)
    try:
        services.revoke_invitation(invitation, Actor.of(request))
    except MembershipRefused as refusal:
        return _failed(request, workspace, refusal)
    return redirect_to(request, _url(workspace), f"Invitation to {invitation.email} revoked.")


@require_http_methods(["GET", "HEAD", "POST"])
def change_role(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    """Change a member's role, after a confirmation page if they would lose something with it."""
    asks = request.method != "POST"
    workspace = _guarded(request, slug, back=request.get_full_path() if asks else "")
    membership = _membership(workspace, membership_id)
    form = RoleForm(request.GET if asks else request.POST)
    if not form.is_valid():
        return _failed(request, workspace, MembershipRefused("Choose one of the three roles."))
    role = Role(form.cleaned_data["role"])
    endings = [] if form.cleaned_data["confirmed"] else _endings(request, membership, role)
    if asks:
        return _ask_role(request, workspace, membership, role, endings)
    if endings:
        return redirect_to(request, f"{request.path}?{urlencode({'role': role.value})}")
    try:
        services.change_role(membership, role, Actor.of(request))
    except MembershipRefused as refusal:
        return _failed(request, workspace, refusal)
    # Owners who lower their own role may no longer open this page.
    own = membership.user_id == request.user.pk and not getattr(request.user, "is_superuser", False)
    url = workspace.get_absolute_url() if own and role != Role.OWNER else _url(workspace)
    return redirect_to(request, url, f"{membership.user.email} is {role.in_words} now.")


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    """Remove a member from the workspace, after a confirmation page."""
    workspace = _guarded(request, slug, back=request.path)
    membership = _membership(workspace, membership_id)
    if request.method == "POST":
        try:
            services.remove_member(membership, Actor.of(request))
        except MembershipRefused as refusal:
            return _failed(request, workspace, refusal)
        own = membership.user_id == request.user.pk and not getattr(request.user, "is_superuser", False)
        url = reverse("home") if own else _url(workspace)
        return redirect_to(request, url, f"{membership.user.email} is no longer a member of {workspace.name}.")
    words = _leaving if membership.user_id == request.user.pk else _removal
    return _ask(request, workspace, words(workspace, membership), _endings(request, membership, None))


@require_POST
def require_mfa(request: HttpRequest, slug: str) -> HttpResponse:
    """Set whether members need a second factor."""
    workspace = _guarded(request, slug)
    form = MfaForm(request.POST)
    required = form.is_valid() and form.cleaned_data["required"]
    try:
        services.require_mfa(workspace, Actor.of(request), required=required)
    except MembershipRefused as refusal:
        return _failed(request, workspace, refusal)
    done = "A second factor is now required." if required else "A second factor is no longer required."
    return redirect_to(request, _url(workspace), f"{workspace.name}: {done}")


def _guarded(request: HttpRequest, slug: str, back: str = "", keep: tuple[str, ...] = ()) -> Workspace:
    """Return the workspace for an owner who has confirmed who they are, because members can use its keys."""
    workspace = get_workspace(request, slug, Role.OWNER)
    require_confirmation(request, back or _url(workspace), keep)
    return workspace


def _membership(workspace: Workspace, membership_id: int) -> Membership:
    return get_object_or_404(workspace.memberships.select_related("user", "workspace"), pk=membership_id)


def _failed(request: HttpRequest, workspace: Workspace, problem: Exception) -> HttpResponse:
    messages.error(request, str(problem))
    return redirect_to(request, _url(workspace))


def _endings(request: HttpRequest, membership: Membership, role: Role | None) -> list[str]:
    """Return sentences about what ends when the member gets ``role``, or no role if None."""
    if role is not None and role.includes(Role(membership.role)):
        return []
    return rights.preview_endings(services.loss_of_role(membership, role, Actor.of(request)))


def _ask_role(
    request: HttpRequest, workspace: Workspace, membership: Membership, role: Role, endings: list[str]
) -> HttpResponse:
    context = {
        "title": f"Make {membership.user.email} {role.in_words}?",
        "button": f"Make them {role.in_words}",
        "back_url": _url(workspace),
        "back_label": "Members",
        "keep": "Cancel",
        "action_url": request.path,
        "fields": {"role": role.value, "confirmed": "on"},
        "consequences": [f"They are {Role(membership.role).in_words} of {workspace.name} now.", *endings],
    }
    return render_page(request, "workspaces/confirm.html", "dialog", context)


def _removal(workspace: Workspace, membership: Membership) -> dict[str, object]:
    person = membership.user
    goes = f"They lose access to {workspace.name} immediately."
    stays = f"As a site admin they can still open {workspace.name}."
    return {
        "title": f"Remove {person.email}?",
        "button": "Remove",
        "first": stays if person.is_superuser else goes,
        "then": [
            "Their account and their roles in other workspaces stay.",
            "Keys they created stay active. Revoke any they may still have.",
        ],
    }


def _leaving(workspace: Workspace, membership: Membership) -> dict[str, object]:
    goes = f"You lose access to {workspace.name} immediately."
    stays = f"As a site admin you can still open {workspace.name}."
    return {
        "title": f"Leave {workspace.name}?",
        "button": "Leave",
        "first": stays if membership.user.is_superuser else goes,
        "then": [
            "Your account and your roles in other workspaces stay.",
            "Keys you created stay active. Revoke any that no one else uses.",
        ],
    }


def _ask(request: HttpRequest, workspace: Workspace, words: Context, endings: list[str]) -> HttpResponse:
    context = {
        "title": words["title"],
        "button": words["button"],
        "back_url": _url(workspace),
        "back_label": "Members",
        "keep": "Cancel",
        "action_url": request.path,
        "consequences": [words["first"], *endings, *words["then"]],
    }
    return render_page(request, "workspaces/confirm.html", "dialog", context)


def _url(workspace: Workspace) -> str:
    return reverse("workspaces:members", args=[workspace.slug])


def _with_factors(memberships: QuerySet[Membership]) -> Any:
    factors = User.objects.filter(pk=OuterRef("user"), authenticator__type__in=SECOND_FACTORS)
    return memberships.select_related("user").annotate(has_mfa=Exists(factors)).order_by("user__email")


def _context(workspace: Workspace, form: InvitationForm) -> dict[str, object]:
    memberships = list(_with_factors(workspace.memberships.all()))
    owners = [one.pk for one in memberships if one.role == Role.OWNER and one.user.is_active]
    return {
        "form": form,
        "only_owner": owners[0] if len(owners) == 1 else None,
        "memberships": memberships,
        "invitations": workspace.invitations.pending()
        .select_related("invited_by")
        .annotate(vouched_for=ExpressionWrapper(sender_may_invite(), BooleanField()))
        .order_by("email"),
        "roles": Role.choices,
        "without_mfa": sum(not membership.has_mfa for membership in memberships),
    }
