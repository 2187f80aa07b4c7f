"""Forms that were opened while the person was freshly confirmed, and may be filled in for a while after that.

Such a form carries a mark: signed, with the time, for this person, this session and the address that it is sent to.
It is given out only while the person is confirmed, so no request can lengthen its own time.
"""

from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest

from workspaces.models import User

# Seconds for filling in a form, counted from when it was opened.
TIME_TO_FILL_IN = 600
FIELD = "opened"


def sign_form(request: HttpRequest, address: str) -> str:
    """Return the mark of a form that is opened now and will be sent to ``address``, for a confirmed person only."""
    return _signer(request, address).sign(FIELD)


def submitted_token(request: HttpRequest, address: str) -> str:
    """Return the mark that came with a form to ``address`` while it holds, else nothing."""
    mark = request.POST.get(FIELD, "") if request.method == "POST" else ""
    try:
        _signer(request, address).unsign(mark, max_age=TIME_TO_FILL_IN)
    except BadSignature:
        return ""
    return mark


def _signer(request: HttpRequest, address: str) -> TimestampSigner:
    user = request.user.pk if isinstance(request.user, User) else ""
    return TimestampSigner(salt=f"workspaces.opened_forms:{user}:{request.session.session_key}:{address}")
