"""The last stage of each call: a good answer becomes a result, any other one an exception."""

from typing import TypeVar

import msgspec

from cleanlist.calls import Call
from cleanlist.problems import problem_in, unreadable
from cleanlist.wire import Answer

T = TypeVar("T")


def result_of(call: Call[T], answer: Answer) -> T:
    """Return the result. Raises the `CleanlistError` that the answer stands for.

    Neither the body nor msgspec's error is kept in a local or a cause: the body may hold a new secret.
    """
    problem = problem_in(answer, command=not call.idempotent, confidential=call.confidential)
    if problem is not None:
        raise problem
    if answer.status == 204 and call.empty_answer is not None:
        return call.empty_answer
    try:
        return call.read(answer.body)
    except msgspec.ValidationError as error:
        reason = str(error)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        reason = "it cannot be read to its end"
    raise unreadable(answer, reason, command=not call.idempotent, confidential=call.confidential)
