"""Files that are sent while they are made, to people whose right to them may end meanwhile."""

from collections.abc import Iterable, Iterator

import structlog
from django.http import HttpRequest, StreamingHttpResponse

from workspaces.access import is_still_allowed

logger = structlog.get_logger(__name__)

LINES_A_CHECK = 500  # so many lines may still go to somebody who loses the right to them
NOT_COMPLETE = "This file is not complete: your access ended while it was being sent.\r\n"


def download(
    request: HttpRequest, lines: Iterator[str] | Iterator[bytes], name: str, content_type: str
) -> StreamingHttpResponse:
    """Return ``lines`` as a file that the browser saves as ``name``, while they are still being read.

    It ends, and says so, when who asked for it loses the right meanwhile.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_while_allowed(request, lines), content_type=content_type, headers=headers)


def _while_allowed(request: HttpRequest, lines: Iterable[str | bytes]) -> Iterator[str | bytes]:
    for number, line in enumerate(lines):
        if number % LINES_A_CHECK == 0 and not is_still_allowed(request):
            logger.warning("download_stopped", path=request.path, lines=number)
            # A connection that merely ends looks like a whole file. A cut ZIP does not open.
            if isinstance(line, str):
                yield NOT_COMPLETE
            return
        yield line
