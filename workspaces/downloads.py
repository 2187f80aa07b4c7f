"""Streamed downloads, which stop when the person loses the right to them."""

from collections.abc import Iterable, Iterator

import structlog
from django.http import HttpRequest, StreamingHttpResponse

from workspaces.access import is_still_allowed

logger = structlog.get_logger(__name__)

LINES_A_CHECK = 500  # at most so many lines are sent after access has ended
NOT_COMPLETE = "This file is not complete: your access ended while it was being sent.\r\n"


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
