"""The search: keys, requests, workflows, people, pages and actions, as far as the person may see them."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from core.formatting import counted
from core.http import redirect_to, wants_partial
from keys.models import ApiKey
from workspaces.access import current_role, get_workspace
from workspaces.find.query import LONGEST, looks_secret, parse_query
from workspaces.find.registry import Search, find
from workspaces.models import User, Workspace


@require_safe
def find_here(request: HttpRequest, slug: str) -> HttpResponse:
    """Search a workspace by the parameter ``q``, and what is outside of it: other workspaces, the account, the site."""
    return _respond(request, get_workspace(request, slug))


@require_safe
def find_anywhere(request: HttpRequest) -> HttpResponse:
    """Search outside of workspaces."""
    return _respond(request, None)


def _respond(request: HttpRequest, workspace: Workspace | None) -> HttpResponse:
    """Respond with the results as a page, or for htmx as the options of the search dialog.

    What looks like a secret is not searched for, and leaves the browser's address bar. With JavaScript it is not sent.
    """
    assert isinstance(request.user, User)  # noqa: S101 - the middleware lets nobody else through
    raw = request.GET.get("q", "")
    find_url = reverse("find", args=[workspace.slug]) if workspace else reverse("find_anywhere")
    if looks_secret(raw):
        return redirect_to(request, f"{find_url}?refused")
    query = parse_query(raw)
    groups = find(Search(query, request.user, workspace, current_role(request)))
    count = sum(len(group.found) for group in groups)
    context = {
        "query": query,
        "refused": "refused" in request.GET,
        "longest": LONGEST,
        "groups": groups,
        "said": counted(count, "result") if query.text else "",
        "find_url": find_url,
    }
    is_part = wants_partial(request)
    if is_part and not query.text:
        context["keys"] = _keys_json(workspace)
    response = render(request, f"dashboard/find{'_options' if is_part else ''}.html", context)
    response.headers["Vary"] = "HX-Request"
    return response


def _keys_json(workspace: Workspace | None) -> str:
    """Return the visible ends of the workspace's keys, so that the browser alone can match a pasted one."""
    if workspace is None:
        return ""
    keys = ApiKey.objects.of(workspace).only("name", "prefix", "last4", "key_id").recently_used_first()
    listed = []
    for key in keys:
        key.workspace = workspace  # saves a query per key
        listed.append({"prefix": key.prefix, "last4": key.last4, "label": key.label, "url": key.get_absolute_url()})
    return json.dumps(listed)
