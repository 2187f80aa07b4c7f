"""The way out that every e-mail offers: a signed link, no sign-in. Looking at it changes nothing."""

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from alerts.emails import UNSUBSCRIBE_SALT
from alerts.models import Recipient
from alerts.services.editing import unsubscribe as take_off


@csrf_exempt  # mail programs POST here on their own (RFC 8058); the signed address is the proof
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, then take the recipient off this workspace's e-mails."""
    recipient = _recipient(token)
    if recipient is not None and request.method == "POST":
        take_off(recipient)
    context = {"recipient": recipient, "done": recipient is not None and recipient.unsubscribed_at is not None}
    return render(request, "alerts/unsubscribe.html", context, status=200 if recipient else 404)


def _recipient(token: str) -> Recipient | None:
    try:
        pk = signing.Signer(salt=UNSUBSCRIBE_SALT).unsign_object(token)
    except signing.BadSignature:
        return None
    return Recipient.objects.select_related("workspace").filter(pk=pk).first()
