"""What can be wrong with a request to the web door, each with a stable code and the status it is answered with.

WebError
  SessionOver        401  no handle, one that nobody has, or one whose session is over
  CrossSite          403  a page of another site asks for a change
  NobodyKnown        403  the EHR names no clinician who could decide
  NotFound           404  nothing there, or nothing of this session's: the two cannot be told apart
  MethodRefused      405  not by this method
  BodySlow           408  the body did not come in time (retryable)
  ReviewRunning      409  nothing of the review is to be had yet (retryable)
  ReviewFailed       409  nothing of the review is to be had ever
  ShownChanged       409  what the page shows is not what the decision is bound to
  NotDecidable       409  nobody is asked about this statement
  BodyTooLarge       413  more than anything we are asked takes
  NotJson            415  a body that is not application/json
  InputInvalid       422  a body, query or path that is not what it must be
  TooManyReviews     429  as many reviews as a session holds
  ImageUnavailable   502  an image of the chart that cannot be had
  TooManySessions    503  as many sessions as an EHR may have (retryable)

`sidenote.web.problems` makes problem+json of them. A message never repeats what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class WebError(Exception):
    """Base of this door's errors."""

    code: ClassVar[str] = "web_error"
    retryable: ClassVar[bool] = False
    status: ClassVar[int] = 400
    headers: Mapping[str, str] = {}


class SessionOver(WebError):
    """There is no such session, or it is over."""

    code = "session_over"
    status = 401
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}

    def __init__(self, message: str = "open Sidenote again from the chart") -> None:
        """The message may say more of how it ended."""
        super().__init__(message)


class CrossSite(WebError):
    """A page of another site asks for a change."""

    code = "cross_site"
    status = 403


class NobodyKnown(WebError):
    """The EHR does not name a clinician who could decide."""

    code = "nobody_known"
    status = 403


class NotFound(WebError):
    """There is nothing here."""

    code = "not_found"
    status = 404

    def __init__(self) -> None:
        """Always with the same words: what is another session's is not there either."""
        super().__init__("nothing is here, or nothing of this session")


class MethodRefused(WebError):
    """What is here cannot be asked this way."""

    code = "method_refused"
    status = 405

    def __init__(self, allowed: str) -> None:
        """`allowed` is the header Allow (RFC 9110 15.5.6)."""
        super().__init__("what is here is not asked by this method")
        self.headers = {"Allow": allowed}


class BodySlow(WebError):
    """The body of the request did not come in time."""

    code = "body_slow"
    retryable = True
    status = 408


class BodyTooLarge(WebError):
    """The body of the request is larger than anything we are asked takes."""

    code = "body_too_large"
    status = 413


class NotJson(WebError):
    """The body of the request is not application/json."""

    code = "not_json"
    status = 415


class InputInvalid(WebError):
    """The request is not what it must be."""

    code = "input_invalid"
    status = 422


class ReviewRunning(WebError):
    """The review is still being made."""

    code = "review_running"
    retryable = True
    status = 409


class ReviewFailed(WebError):
    """The review ended without anything to show."""

    code = "review_failed"
    status = 409


class ShownChanged(WebError):
    """What the page shows is not what was shown last, so nobody can have decided on it."""

    code = "shown_changed"
    status = 409


class NotDecidable(WebError):
    """Nobody is asked to decide on this statement."""

    code = "not_decidable"
    status = 409


class ImageUnavailable(WebError):
    """An image that the chart names cannot be had."""

    code = "image_unavailable"
    status = 502


class TooManyReviews(WebError):
    """The session holds as many reviews as it may."""

    code = "too_many_reviews"
    status = 429


class TooManySessions(WebError):
    """The EHR has as many sessions open as it may."""

    code = "too_many_sessions"
    retryable = True
    status = 503
