"""Streamed downloads, which stop when the person loses the right to them."""

from collections.abc import Callable, Iterable, Iterator

import structlog
from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from core.export import CONTENT_TYPES, ExportFile
from workspaces.access import is_still_allowed, require_confirmation

logger = structlog.get_logger(__name__)

LINES_A_CHECK = 500  # at most so many lines are sent after access has ended
NOT_COMPLETE = "This file is incomplete: your access ended during the download.\r\n"


def confirm_and_export(
    request: HttpRequest, filters: forms.Form, make: Callable[[str], ExportFile], *, back: str, go_on: str
) -> HttpResponseBase:
    """Send what ``make`` returns for the format that was asked for, after a fresh confirmation.

    ``back`` is the URL of the page with the same filters, and ``go_on`` the button that asks for the file again.
    """
    file_format = request.POST.get("format", "")
    if not filters.is_valid() or file_format not in CONTENT_TYPES:
        # With some filters ignored, the file would not hold what its name says.
        return HttpResponse("A filter is invalid. Go back and correct it.\n", status=400, content_type="text/plain")
    back = f"{back}?{request.GET.urlencode()}"
    require_confirmation(request, back, keep=("format",), go_on=go_on, starts=True)
    return send_file(request, make(file_format))


def send_file(request: HttpRequest, file: ExportFile) -> StreamingHttpResponse:
    """Return ``file`` as a download."""
    return download(request, file.lines, file.name, file.content_type)


def download(
    request: HttpRequest, lines: Iterator[str] | Iterator[bytes], name: str, content_type: str
) -> StreamingHttpResponse:
    """Return a streaming response that the browser saves as the file ``name``.

    If the person loses access meanwhile, the file ends early, and text files say so.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_while_allowed(request, lines), content_type=content_type, headers=headers)


def _while_allowed(request: HttpRequest, lines: Iterable[str | bytes]) -> Iterator[str | bytes]:
    for number, line in enumerate(lines):
        if number % LINES_A_CHECK == 0 and not is_still_allowed(request):
            logger.warning("download_stopped", path=request.path, lines=number)
            # Without this line, the truncated file would look complete. A truncated ZIP does not open anyway.
            if isinstance(line, str):
                yield NOT_COMPLETE
            return
        yield line
