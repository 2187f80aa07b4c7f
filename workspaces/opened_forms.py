"""Forms that a person opens while they are confirmed, and may still submit for a while after that.

Such a form has a signed token with its time, valid for this person, this session and the path that the form is sent to.
Only a confirmed person gets one, so no request can extend its own time.
"""

from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest

from workspaces.models import User

# Seconds to fill in a form, counted from opening it.
TIME_TO_FILL_IN = 600
FIELD = "opened"


def sign_form(request: HttpRequest, address: str) -> str:
    """Return the token of a form to the path ``address`` that is opened now. Call it for confirmed people only."""
    return _signer(request, address).sign(FIELD)


def submitted_token(request: HttpRequest, address: str) -> str:
    """Return the token that was submitted with a form to the path ``address``; empty if it is missing or not valid."""
    mark = request.POST.get(FIELD, "") if request.method == "POST" else ""
    try:
        _signer(request, address).unsign(mark, max_age=TIME_TO_FILL_IN)
    except BadSignature:
        return ""
    return mark


def _signer(request: HttpRequest, address: str) -> TimestampSigner:
    user = request.user.pk if isinstance(request.user, User) else ""
    return TimestampSigner(salt=f"workspaces.opened_forms:{user}:{request.session.session_key}:{address}")
