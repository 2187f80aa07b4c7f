"""Unlinks identities of the company's identity provider: one's own, or as a site admin anybody's."""

from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.http import redirect_to, render_page
from workspaces.access import require_confirmation, require_site_admin
from workspaces.accounts.identities import Identity
from workspaces.audit.events import Actor
from workspaces.services import people as services
from workspaces.services.people import NotPossible


@require_http_methods(["GET", "HEAD", "POST"])
def unlink_own(request: HttpRequest, identity_id: int) -> HttpResponse:
    """Unlink an identity from the person's own account, after a confirmation page."""
    require_confirmation(request)
    identity = get_object_or_404(SocialAccount, pk=identity_id, user_id=request.user.pk)
    return _unlink(request, identity, reverse("mfa_index"), "Security")


@require_http_methods(["GET", "HEAD", "POST"])
def unlink(request: HttpRequest, user_id: int, identity_id: int) -> HttpResponse:
    """Unlink an identity from anybody's account, after a confirmation page."""
    require_site_admin(request)
    require_confirmation(request)
    identity = get_object_or_404(SocialAccount.objects.select_related("user"), pk=identity_id, user_id=user_id)
    return _unlink(request, identity, reverse("workspaces:people"), "People")


def _unlink(request: HttpRequest, identity: SocialAccount, back: str, label: str) -> HttpResponse:
    row = Identity.of(identity)
    if request.method != "POST":
        context = {
            "title": f"Unlink {row.address} from {identity.user.email}?",
            "button": "Unlink",
            "consequences": [
                f"This identity of {row.provider} can no longer sign in to the account. Its other sessions end.",
                "The account's owner is notified by email.",
                f"Anyone {row.provider} verifies as {identity.user.email} is linked again at their next sign-in.",
            ],
            "action_url": request.path,
            "back_url": back,
            "back_label": label,
            "keep": "Cancel",
        }
        return render_page(request, "workspaces/confirm.html", "dialog", context)
    try:
        services.unlink_identity(identity, Actor.of(request), request.session)
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect_to(request, back)
    return redirect_to(request, back, f"{row.address} can no longer sign in as {identity.user.email}.")
