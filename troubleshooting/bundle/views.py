"""The support bundle: form, full preview, download.

For every member: it holds nothing that a viewer cannot read, and less of it. That it was taken is recorded.
"""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from core.export import in_file_name
from core.http import render_page
from troubleshooting.bundle.builder import SupportBundle, make_bundle, record_download
from troubleshooting.bundle.form import BundleForm
from troubleshooting.zip_stream import stream_zip
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.downloads import download
from workspaces.models import Workspace

PAGE = "troubleshooting/bundle/page.html"
_TYPED = ("workflow", "request", "column", "endpoint", "message", "tried", "body")


@sensitive_post_parameters(*_TYPED)
@require_http_methods(["GET", "HEAD", "POST"])
def bundle(request: HttpRequest, slug: str) -> HttpResponse:
    """Preview the bundle in full; nothing leaves the console yet."""
    workspace = get_workspace(request, slug)
    form = BundleForm(request.POST if request.method == "POST" else request.GET, workspace, is_new=True)
    return _preview(request, form, _bundle_of(workspace, form))


@sensitive_post_parameters(*_TYPED)
@require_POST
def take(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the previewed bundle as a ZIP or as one text; show the preview again if it has changed since."""
    workspace = get_workspace(request, slug)
    form = BundleForm(request.POST, workspace)
    made = _bundle_of(workspace, form)
    file_format = request.POST.get("format", "")
    if made is None or file_format not in {"zip", "txt"} or form.cleaned_data["seen"] != made.digest:
        return _preview(request, form, made, changed=made is not None)
    record_download(workspace, Actor.of(request), form.cleaned_data, file_format)
    name = f"support-{workspace.slug}-{in_file_name(made.until)}"
    if file_format == "zip":
        return download(request, stream_zip(made.files), f"{name}.zip", "application/zip")
    return download(request, iter([made.text]), f"{name}.txt", "text/plain; charset=utf-8")


def _bundle_of(workspace: Workspace, form: BundleForm) -> SupportBundle | None:
    if not form.is_valid():
        return None
    return make_bundle(workspace, form.cleaned_data, form.keys.get(form.cleaned_data["key"]))


def _preview(
    request: HttpRequest, form: BundleForm, made: SupportBundle | None, *, changed: bool = False
) -> HttpResponse:
    finder = [
        {"prefix": key.prefix, "last4": key.last4, "label": key.label}
        for key in form.keys.values()
        if key.prefix and key.last4
    ]
    context = {"form": form, "bundle": made, "changed": changed, "finder": finder}
    return render_page(request, PAGE, "preview", context, status=200 if made else 422)
