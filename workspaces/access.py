"""Access control of pages: views get their workspace here, with 404 for strangers and 403 for too low a role.

People who must do something first, such as confirm who they are, are redirected by ``RedirectRequired`` and return.
"""

import time
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from workspaces.accounts.sign_in_rules import is_sso_only
from workspaces.models import Role, User, Workspace
from workspaces.models.user import has_second_factor
from workspaces.opened_forms import TIME_TO_FILL_IN, sign_form, submitted_token
from workspaces.request_state import KeptRequest, state_of

# Characters kept of one field. The longest such field is an alert rule's list of email addresses.
LONGEST_KEPT = 6000
_KEPT = "entries_kept_during_confirmation"


class RedirectRequired(Exception):
    """The person must visit ``url`` before they may go on; a middleware redirects them."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


def get_workspace(request: HttpRequest, slug: str, role: Role = Role.VIEWER) -> Workspace:
    """Return the workspace if the signed-in person may act there as ``role``.

    Raises Http404 if they are not a member, PermissionDenied if their role is too low, and RedirectRequired if the
    workspace requires a second factor that they have not set up.
    """
    user = request.user
    workspace = Workspace.objects.visible_to(user).select_related("session").filter(slug=slug).first()
    if workspace is None or not isinstance(user, User):
        raise Http404("Workspace not found.")
    held = workspace.role_of(user)
    if held is None or not held.includes(role):
        raise PermissionDenied(f"This requires the role “{role.label}” in {workspace.name}. Ask an owner.")
    if workspace.requires_mfa and not has_second_factor(user):
        request.session["enrol_for"], request.session["enrol_first"] = workspace.slug, workspace.name
        messages.warning(request, f"{workspace.name} requires a second factor. Set one up to open it.")
        raise RedirectRequired(reverse("mfa_index"))
    for mark in ("enrol_for", "enrol_first"):
        request.session.pop(mark, None)  # done: they are in
    state = state_of(request)
    state.workspace, state.role, state.needed_role = workspace, held, role
    return workspace


def current_role(request: HttpRequest) -> Role | None:
    """Return the person's role in the workspace of this request; None before ``get_workspace`` is called.

    Use it to choose what a page offers. To enforce a role, pass it to ``get_workspace``.
    """
    return state_of(request).role


def is_still_allowed(request: HttpRequest) -> bool:
    """Return whether the sender of ``request`` is still signed in with the right that it needed.

    For slow and streamed responses. Queries the database. The right is the role that ``get_workspace`` was called with,
    or being a site admin if it was not called.
    """
    user = User.objects.filter(pk=request.user.pk or 0, is_active=True).first()
    if user is None or not request.session.exists(request.session.session_key or ""):
        return False
    state = state_of(request)
    if state.workspace is None:
        return user.is_superuser
    held = state.workspace.role_of(user)
    return held is not None and held.includes(state.needed_role)


def may_connect(user: User | AnonymousUser) -> bool:
    """Return whether ``user`` may connect a new workspace: a site admin, or someone who owns one already.

    Connecting decides where credentials are sent and who sees an organization, so not every account may do it.
    """
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.is_superuser or user.memberships.filter(role=Role.OWNER).exists()


def require_connector(request: HttpRequest) -> None:
    if not may_connect(request.user):
        raise PermissionDenied("Only site admins and workspace owners can connect a workspace. Ask one of them.")


def require_site_admin(request: HttpRequest) -> User:
    """Return the signed-in site admin. Raises PermissionDenied for anybody else."""
    user = request.user
    if not (isinstance(user, User) and user.is_active and user.is_superuser):
        raise PermissionDenied("Only site admins can do this. Ask one of them.")
    return user


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the person proved who they are within the last ten minutes.

    Signing in counts too. People with a second factor must have used it; others must have used their password, the
    identity provider, or the invitation that created their account.
    """
    user = request.user
    if not isinstance(user, User):
        return False
    state = state_of(request)
    if state.confirmed_as == user.pk:
        return True
    wanted = {"mfa"} if has_second_factor(user) else {"password", "socialaccount", "invitation"}
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT  # noqa: TID251 - as allauth dates signing in
    records = get_authentication_records(request, user)
    # The identity provider may have remembered the browser; ``proved_at`` is when it really asked.
    found = any(r["method"] in wanted and min(r["at"], r.get("proved_at", r["at"])) > since for r in records)
    if found:
        state.confirmed_as = user.pk
    return found


def form_token(request: HttpRequest, address: str) -> str:
    """Return a token that lets a form to ``address`` be submitted later without confirming again.

    It is empty unless the person is confirmed when they open the form. A form that is shown again with errors keeps its
    token, and so its time limit.
    """
    return sign_form(request, address) if is_confirmed(request) else submitted_token(request, address)


def is_confirmed_or_resumed(request: HttpRequest) -> bool:
    """Return whether the person is confirmed, or submits a form that they opened while they were."""
    return bool(submitted_token(request, request.path)) or is_confirmed(request)


def require_confirmation(
    request: HttpRequest,
    back: str = "",
    keep: tuple[str, ...] = (),
    go_on: str = "",
    *,
    starts: bool = False,
    part: str = "",
) -> None:
    """Raise RedirectRequired unless the person confirmed recently who they are; call it after ``get_workspace``.

    After confirming they return to ``back`` (this URL by default), where ``take_kept_entries`` returns what they had
    typed into the fields ``keep``, which must not hold secrets. With ``go_on``, the label of a button, that page offers
    to send the same request again; with ``starts`` it does so by itself. Use ``starts`` only where nobody but this
    browser receives the response, because anyone who holds the same session may have begun the request. ``part`` is the
    id of the element that the response replaces, if that is not the whole page.
    """
    if is_confirmed_or_resumed(request):
        return
    back = back.removesuffix("?") or request.get_full_path()
    if request.method == "POST" or go_on:
        url = request.get_full_path() + (f"#{part}" if part else "")
        _keep(request, back, keep, {"words": go_on, "starts": starts, "url": url} if go_on else {})
    if not _confirmation_methods(request):
        alone = is_sso_only(request.user.get_username())
        way = (
            "Sign out, then sign in with single sign-on." if alone else "Sign out, then choose “Forgot your password?”."
        )
        messages.warning(request, f"Your account has no way to confirm your identity yet. {way}")
    elif request.method == "POST" and not go_on:
        kept_too = "Your entries are kept." if keep else "Then try again."
        messages.warning(request, f"Nothing was changed yet. Confirm your identity first. {kept_too}")
    raise RedirectRequired(confirmation_url(request, back))


def _keep(request: HttpRequest, back: str, names: tuple[str, ...], go_on: dict[str, object]) -> None:
    request.session[_KEPT] = {
        "at": urlsplit(back).path,
        "until": time.time() + TIME_TO_FILL_IN,  # noqa: TID251 - as allauth dates signing in
        "fields": {name: request.POST[name][:LONGEST_KEPT] for name in names if name in request.POST},
        "sent_to": request.path,
        "go_on": go_on and {**go_on, "method": str(request.method).lower()},
    }


def confirmation_url(request: HttpRequest, back: str) -> str:
    """Return the URL of the page where the person confirms who they are, which then leads to ``back``."""
    methods = _confirmation_methods(request)
    if not methods:
        return reverse("mfa_index")
    url = str(methods[0]["url"])
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'next': back})}"


def _confirmation_methods(request: HttpRequest) -> list[dict[str, object]]:
    methods: list[dict[str, object]] = get_adapter(request).get_reauthentication_methods(request.user)
    return methods


def take_kept_entries(request: HttpRequest) -> dict[str, object]:
    """Return and forget what the person had typed on this page before they had to confirm who they are."""
    if _kept(request).get("go_on"):
        return {}
    kept = _take_kept(request)
    if kept:
        state_of(request).unsent_request = kept  # for take_unsent_request
    return dict(kept.get("fields", {}))


def take_unsent_request(request: HttpRequest) -> dict[str, object] | None:
    """Return and forget the request from this page that was stopped for a confirmation: its path and the kept fields.

    None if there is none, or if the page offers to continue it (``take_held_request``).
    """
    take_kept_entries(request)
    kept = state_of(request).unsent_request
    return kept and {"path": kept["sent_to"], "fields": kept["fields"]}


def take_held_request(request: HttpRequest) -> dict[str, object] | None:
    """Return and forget the stopped request that this page can continue: words, starts, url, method and fields.

    None if there is none, or if the person has not confirmed who they are.
    """
    if not _kept(request).get("go_on") or not is_confirmed(request):
        return None
    kept = _take_kept(request)
    return {**kept["go_on"], "fields": kept["fields"]}


def _take_kept(request: HttpRequest) -> KeptRequest:
    if kept := _kept(request):
        del request.session[_KEPT]
    return kept


def _kept(request: HttpRequest) -> dict[str, object]:
    kept: KeptRequest = request.session.get(_KEPT, {})
    return kept if kept.get("at") == request.path and kept["until"] > time.time() else {}  # noqa: TID251 - as allauth dates signing in
