"""Accepts invitations, for people with and without an account."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from core.email_addresses import normalize_email
from core.http import redirect_to
from workspaces.accounts.sign_in_rules import is_sso_only
from workspaces.audit.events import Actor
from workspaces.models import Invitation, User
from workspaces.people_forms import NewAccountForm
from workspaces.services import members as services
from workspaces.services import people
from workspaces.services.members import MembershipRefused, NotVouchedFor
from workspaces.views.enrolment import PROVED

TEMPLATE = "workspaces/invitation.html"


@login_not_required
@never_cache
@sensitive_post_parameters("password", "password_again")
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show the invitation, and accept it on POST. The token in the URL is sufficient proof."""
    invitation = Invitation.objects.with_token(token)
    if invitation is None:
        return render(request, "workspaces/invitation_unknown.html", status=404)
    known = User.objects.filter(email__iexact=invitation.email).first()
    if not invitation.is_open or (known is not None and not known.is_active):
        return _page(request, invitation, "over", status=410)
    if not invitation.is_vouched_for:
        return _page(request, invitation, "not-vouched-for", status=410)
    return _open(request, invitation, is_known=known is not None)


def _open(request: HttpRequest, invitation: Invitation, *, is_known: bool) -> HttpResponseBase:
    """Handle an invitation that can be accepted."""
    if request.user.is_authenticated:
        return _as_member(request, invitation)
    if is_sso_only(invitation.email):
        return _page(request, invitation, "single-sign-on", status=403 if request.method == "POST" else 200)
    if is_known:
        return _page(request, invitation, "sign-in")
    return _as_newcomer(request, invitation)


def _as_member(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Let the invited person join with the account that they are signed in to."""
    user = request.user
    if not isinstance(user, User) or normalize_email(user.email) != normalize_email(invitation.email):
        return _page(request, invitation, "other-account", status=403 if request.method == "POST" else 200)
    if request.method != "POST":
        return _page(request, invitation, "join")
    try:
        services.accept_invitation(invitation, user, Actor.of(request))
    except MembershipRefused as refusal:
        return _refused(request, invitation, refusal)
    workspace = invitation.workspace
    return redirect_to(request, workspace.get_absolute_url(), f"Welcome to {workspace.name}.")


def _as_newcomer(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Create an account for the invited person, sign them in, and offer a second factor."""
    form = NewAccountForm(invitation.email, request.POST if request.method == "POST" else None)
    if not (form.is_bound and form.is_valid()):
        return _page(request, invitation, "new", form=form, status=422 if form.is_bound else 200)
    password = form.chosen_password()
    try:
        user = people.join(invitation, Actor.of(request), name=form.cleaned_data["name"], password=password)
    except MembershipRefused as refusal:
        return _refused(request, invitation, refusal)
    record_authentication(request, user, method="password" if password else "invitation")
    request.session["enrol_for"] = invitation.workspace.slug
    request.session[PROVED] = user.pk  # they have just opened a link in an email
    next_page = "mfa_index" if password else "mfa_add_webauthn"
    response: HttpResponse = perform_login(request, user, email_verification="none", redirect_url=reverse(next_page))
    return response


def _refused(request: HttpRequest, invitation: Invitation, refusal: MembershipRefused) -> HttpResponse:
    case = "not-vouched-for" if isinstance(refusal, NotVouchedFor) else "over"
    return _page(request, invitation, case, status=410)


def _page(
    request: HttpRequest,
    invitation: Invitation,
    case: str,
    form: NewAccountForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"invitation": invitation, "case": case, "form": form}
    return render(request, TEMPLATE, context, status=status)
