"""The person's own profile."""

from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.http import redirect_to
from workspaces.forms import ProfileForm
from workspaces.models import User


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change the name and the time zone."""
    # A separate instance, because a form with errors must not change the user that the page header shows.
    user = User.objects.get(email=request.user.get_username())
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect_to(request, reverse("workspaces:profile"), "Saved.")
    zones = form.zones()
    detected = unquote(request.COOKIES.get("tz", ""))
    context = {"form": form, "zones": zones, "detected": detected if detected in zones else ""}
    return render(request, "workspaces/profile.html", context, status=422 if form.errors else 200)
