"""The e-mails of a workspace: what was sent and what the server said, to whom, a test; and the link to unsubscribe."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.html import escape
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from alerts.forms import NewRecipientForm, QuietHoursForm, RecipientForm, TestForm
from alerts.mail import outbox, smtp
from alerts.mail.messages import UNSUBSCRIBE_SALT, compose
from alerts.models import Notification, QuietHours, Recipient, Stream
from alerts.services import recipients
from alerts.services.notifications import alerted_addresses, outsiders, recipients_for
from alerts.services.reachability import unreached_by_workspace
from core.http import Undo, redirect_to
from workspaces.access import get_workspace, require_confirmation
from workspaces.audit.events import Actor
from workspaces.mail_limits import TooManyEmails
from workspaces.models import Milestone, Role, Workspace
from workspaces.services.milestones import note_in_sandbox

TEMPLATE = "alerts/emails.html"
PAGE = 50
# Of a page that shows an e-mail: its style sheet is inline, and it can do nothing.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox"
UNSUBSCRIBE_TEMPLATE = "alerts/unsubscribe.html"


@require_safe
def log(request: HttpRequest, slug: str) -> HttpResponse:
    """Show recipients, the test button, and the log, newest first."""
    return render(request, TEMPLATE, _context(request, get_workspace(request, slug)))


@require_safe
def email(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show one e-mail as its reader sees it, and every attempt to send it."""
    workspace = get_workspace(request, slug)
    rows = Notification.objects.select_related("recipient", "alert", "workspace")
    found = get_object_or_404(rows, workspace=workspace, pk=pk)
    if found.kind == Notification.Kind.FIRING:
        note_in_sandbox(request, workspace, Milestone.Name.EMAIL_VIEWED)
    message = compose(found)
    context = {
        "email": found,
        "subject": message.subject,
        "text": _without_own_link(message, str(message.body), "(the recipient's own link)"),
        "attempts": found.attempts.all(),
    }
    return render(request, "alerts/email_detail.html", context)


@require_safe
def rendered(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show one e-mail as mail programs draw it, in a sandbox of its own: no scripts, no requests, no origin."""
    workspace = get_workspace(request, slug, Role.OWNER)
    rows = Notification.objects.select_related("recipient", "alert", "workspace")
    message = compose(get_object_or_404(rows, workspace=workspace, pk=pk))
    html = next(str(content) for content, kind in message.alternatives if kind == "text/html")
    response = HttpResponse(_without_own_link(message, html, "#"))
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


def _without_own_link(message: EmailMultiAlternatives, text: str, instead: str) -> str:
    """Take out the recipient's own link to unsubscribe: it is a key to their choice, and nobody else's."""
    link = message.extra_headers.get("List-Unsubscribe", "<>")[1:-1]
    return text.replace(link, instead).replace(escape(link), instead) if link else text


@require_POST
def test(request: HttpRequest, slug: str) -> HttpResponse:
    """Send a test e-mail at once and redirect to the server's answer."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    form = TestForm(request.POST)
    if not form.is_valid():
        return render(request, TEMPLATE, _context(request, workspace, test_form=form), status=422)
    address = form.cleaned_data["address"].lower()
    if outsiders(workspace, [address]):
        require_confirmation(request, _url(workspace), keep=("address",), go_on=f"Send a test to {address}")
    try:
        row = recipients.queue_test(workspace, Actor.of(request), address)
    except TooManyEmails as problem:
        form.add_error("address", str(problem))
        return render(request, TEMPLATE, _context(request, workspace, test_form=form), status=429)
    result = outbox.send(row.pk)
    row.refresh_from_db()
    said = result.answer if result else "a worker is sending it"
    level = messages.SUCCESS if row.state == Notification.State.SENT else messages.ERROR
    messages.add_message(request, level, f"Test to {row.recipient.address}: {said}")
    return HttpResponseRedirect(reverse("alerts:email", args=[workspace.slug, row.pk]))


@require_POST
def quiet_hours(request: HttpRequest, slug: str) -> HttpResponse:
    """Set the quiet hours."""
    workspace = get_workspace(request, slug, Role.OWNER)
    form = QuietHoursForm(request.POST)
    if not form.is_valid():
        return render(request, TEMPLATE, _context(request, workspace, quiet_form=form), status=422)
    recipients.set_quiet_hours(workspace, Actor.of(request), form.hours())
    return redirect_to(request, _url(workspace), "Quiet hours saved.")


@require_POST
def add_recipient(request: HttpRequest, slug: str) -> HttpResponse:
    """Have a summary sent to an address."""
    workspace = get_workspace(request, slug, Role.OWNER)
    form = NewRecipientForm(request.POST)
    if not form.is_valid():
        return render(request, TEMPLATE, _context(request, workspace, new_form=form), status=422)
    address = form.cleaned_data["address"].lower()
    if outsiders(workspace, [address]):
        require_confirmation(request, _url(workspace), keep=("address", "summary"), go_on=f"Add {address}")
    recipient = recipients_for(workspace, [address])[address]
    recipients.change_recipient(
        recipient,
        Actor.of(request),
        summary=form.cleaned_data["summary"],
        critical=recipient.wants(Stream.CRITICAL),
        warnings=recipient.wants(Stream.WARNINGS),
    )
    return redirect_to(request, _url(workspace), f"{address} gets a summary from tomorrow morning.")


@require_POST
def change_recipient(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Set what a recipient gets."""
    workspace = get_workspace(request, slug, Role.OWNER)
    recipient = get_object_or_404(Recipient, workspace=workspace, pk=pk)
    form = RecipientForm({} if "remove" in request.POST else request.POST)
    if not form.is_valid():
        return redirect_to(request, _url(workspace), "Nothing changed. Choose one of the summaries offered.")
    if form.gives_more_than(recipient) and outsiders(workspace, [recipient.address]):
        words = f"Change what {recipient.address} gets"
        require_confirmation(request, _url(workspace), keep=("critical", "warnings", "summary"), go_on=words)
    undo = Undo(request.path, _choices_of(recipient))
    recipients.change_recipient(recipient, Actor.of(request), **form.cleaned_data)
    text = f"{recipient.address}: saved." if any(form.cleaned_data.values()) else f"{recipient.address} removed."
    return redirect_to(request, _url(workspace), text, undo)


def _choices_of(recipient: Recipient) -> dict[str, str]:
    """Return what a recipient gets, as the fields of the form."""
    boxes = {stream.value: "on" for stream in (Stream.CRITICAL, Stream.WARNINGS) if recipient.wants(stream)}
    return boxes | {"summary": "" if recipient.summary_off_at else recipient.summary}


def _url(workspace: Workspace) -> str:
    return reverse("alerts:emails", args=[workspace.slug])


def _recipients(workspace: Workspace) -> list[Recipient]:
    """Return the recipients, each with ``gets_none``: a test e-mail creates recipients who get nothing else."""
    alerted = alerted_addresses([workspace.pk])[workspace.pk]
    rows = list(Recipient.objects.filter(workspace=workspace).with_membership())
    for row in rows:
        row.gets_none = not row.gets_any(alerted)
    return rows


def _context(request: HttpRequest, workspace: Workspace, **forms: object) -> dict[str, object]:
    before = request.GET.get("before", "")
    rows = Notification.objects.filter(workspace=workspace).select_related("recipient", "alert").order_by("-pk")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    page = list(rows[: PAGE + 1])
    quiet = QuietHours.objects.filter(workspace=workspace).first()
    return {
        "emails": page[:PAGE],
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "before": before,
        "recipients": _recipients(workspace),
        "summaries": Recipient.Summary.choices,
        "server": smtp.describe_server(),
        "has_mail_server": smtp.has_server(),
        "quiet": quiet,
        "quiet_form": QuietHoursForm(
            initial={"begin": quiet.begin, "end": quiet.end, "time_zone": quiet.time_zone} if quiet else None
        ),
        "test_form": TestForm(initial={"address": getattr(request.user, "email", "")}),
        "new_form": NewRecipientForm(),
        **forms,
    }


@csrf_exempt  # mail programs POST here on their own (RFC 8058); the signed URL is the proof
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask what to end of this workspace's e-mails, the kind of the e-mail first, then end it.

    The signed link in each e-mail is enough, without signing in. A GET changes nothing.
    """
    recipient, asked = _read_token(token)
    if recipient is None:
        return render(request, UNSUBSCRIBE_TEMPLATE, status=404)
    done: list[Stream] = []
    if request.method == "POST":
        # A mail program says nothing but that; the page says which kinds.
        on_page = "chosen" in request.POST
        done = [stream for stream in Stream if stream in request.POST.getlist("stream")] if on_page else asked
        recipients.unsubscribe(recipient, done)
    workspace = recipient.workspace
    context = {
        "recipient": recipient,
        "done": done,
        "nothing_chosen": request.method == "POST" and not done,
        "choices": [(stream, stream in asked) for stream in Stream if _receives(recipient, stream)],
        "unheard": unreached_by_workspace([workspace], without=recipient)[workspace.pk].rules,
    }
    return render(request, UNSUBSCRIBE_TEMPLATE, context, status=422 if context["nothing_chosen"] else 200)


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
