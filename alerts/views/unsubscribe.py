"""Unsubscribing by the signed link in each e-mail, without signing in. A GET changes nothing."""

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from alerts.mail.messages import UNSUBSCRIBE_SALT
from alerts.models import Recipient, Stream
from alerts.services.reachability import unreached_by_workspace
from alerts.services.recipients import unsubscribe as take_off

TEMPLATE = "alerts/unsubscribe.html"


@csrf_exempt  # mail programs POST here on their own (RFC 8058); the signed URL is the proof
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask what to end of this workspace's e-mails, the kind of the e-mail first, then end it."""
    recipient, asked = _read_token(token)
    if recipient is None:
        return render(request, TEMPLATE, status=404)
    done: list[Stream] = []
    if request.method == "POST":
        # A mail program says nothing but that; the page says which kinds.
        on_page = "chosen" in request.POST
        done = [stream for stream in Stream if stream in request.POST.getlist("stream")] if on_page else asked
        take_off(recipient, done)
    workspace = recipient.workspace
    context = {
        "recipient": recipient,
        "done": done,
        "nothing_chosen": request.method == "POST" and not done,
        "choices": [(stream, stream in asked) for stream in Stream if _receives(recipient, stream)],
        "unheard": unreached_by_workspace([workspace], without=recipient)[workspace.pk].rules,
    }
    return render(request, TEMPLATE, context, status=422 if context["nothing_chosen"] else 200)


def _receives(recipient: Recipient, stream: Stream) -> bool:
    return recipient.wants(stream) and (stream != Stream.SUMMARY or bool(recipient.summary))


def _read_token(token: str) -> tuple[Recipient | None, list[Stream]]:
    """Return the link's recipient and streams; links from before there were streams are for all."""
    try:
        payload = signing.Signer(salt=UNSUBSCRIBE_SALT).unsign_object(token)
    except signing.BadSignature:
        return None, []
    pk, asked = (payload, list(Stream)) if isinstance(payload, int) else (payload[0], [Stream(payload[1])])
    return Recipient.objects.select_related("workspace").filter(pk=pk).first(), asked
