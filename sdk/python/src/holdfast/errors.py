"""What the calls of the SDK raise."""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

from .protocol import Problem, ProblemCode

# "unreachable": no answer, so that the call may have been carried out or not. "unexpected-answer": one that is not of
# Holdfast. "cancelled": the caller gave it up.
LocalCode = Literal["unreachable", "unexpected-answer", "cancelled"]
# Later versions of the server have more codes.
ErrorCode = Union[ProblemCode, LocalCode, str]


class HoldfastError(Exception):
    """A call that failed. `code` is constant and for programs; the message is for people."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        status: Optional[int] = None,
        problem: Optional[Problem] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        # The HTTP status, when there was an answer.
        self.status = status
        # The problem document (RFC 9457) that the server sent.
        self.problem = problem
        # How long the answer asks to wait before the call is repeated, in seconds.
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is unpickled by its positional arguments alone otherwise.
        return _error_of, (self.code, self.args[0], self.status, self.problem, self.retry_after)

    def __str__(self) -> str:
        return f"{self.code}: {self.args[0]}"


def _error_of(
    code: ErrorCode, message: str, status: Optional[int], problem: Optional[Problem], retry_after: Optional[float]
) -> HoldfastError:
    return HoldfastError(code, message, status=status, problem=problem, retry_after=retry_after)
