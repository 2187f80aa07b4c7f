"""The last stage of each call: a successful response becomes a result, any other an exception."""

from typing import TypeVar

import msgspec

from cleanlist.calls import Call
from cleanlist.parsing.error_responses import error_from_response, unreadable_response
from cleanlist.transport.response import Response

T = TypeVar("T")


def parse_response(call: Call[T], response: Response) -> T:
    """Return the result. Raises the `CleanlistError` for the response.

    Neither the body nor msgspec's error is kept in a local or a cause: the body may contain a new secret.
    """
    error = error_from_response(response, command=not call.idempotent, confidential=call.confidential)
    if error is not None:
        raise error
    if response.status == 204 and call.empty_result is not None:
        return call.empty_result
    try:
        return call.read(response.body)
    except msgspec.ValidationError as invalid:
        reason = str(invalid)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        reason = "it cannot be read to its end"
    raise unreadable_response(response, reason, command=not call.idempotent, confidential=call.confidential)
