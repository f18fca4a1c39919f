"""What a refused API request gets: RFC 9457 problem details with a stable code, a hint and whether a retry helps."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from starlette.responses import Response

from tokenworks.errors import (
    AmountOutOfRange,
    CallerError,
    Conflict,
    Invalid,
    MalformedAmount,
    NotFound,
    TokenworksError,
    UnknownUnit,
)
from tokenworks.language.speech import spoken, tell


class Kind(NamedTuple):
    """One kind of problem. `hint` says what to do when the detail does not."""

    status: int
    title: str
    hint: str
    retryable: bool = False


KINDS: dict[str, Kind] = {
    "malformed_json": Kind(400, "The body is not JSON", "Send one JSON object in UTF-8."),
    "token_missing": Kind(401, "No admin token", "Send `Authorization: Bearer <token>`; it is in admin.token of the "
                                                 "state directory."),
    "token_unknown": Kind(401, "Not the admin token", "Compare with admin.token in the state directory."),
    "key_missing": Kind(401, "No API key", "Send `Authorization: Bearer KEY` or `x-api-key: KEY`."),
    "key_unknown": Kind(401, "Not an API key that buys here", "Compare it with the one you were given, or ask for "
                                                              "another."),
    "not_found": Kind(404, "No such thing", "List what there is first."),
    "path_unknown": Kind(404, "No such path", "GET /api/v1/openapi.json lists every path."),
    "method_not_allowed": Kind(405, "Not with this method", "The allow header names the methods of this path."),
    "conflict": Kind(409, "Not as things stand", "Read the current state, then decide."),
    "idempotency_reused": Kind(409, "The Idempotency-Key was used for another request", "Use a new key."),
    "body_too_large": Kind(413, "The body is too large", "Split the request."),
    "media_type": Kind(415, "Not JSON", "Send `Content-Type: application/json`."),
    "invalid": Kind(422, "A field is not right", "Mend the field and send it again."),
    "internal": Kind(500, "Our fault", "Look for the request_id in the log of the control process."),
    "unavailable": Kind(503, "The books cannot be reached", "Try again in a moment.", True),
}


class Problem(msgspec.Struct, omit_defaults=True):
    """application/problem+json. `field` names what to mend, when one field is at fault."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    retryable: bool
    request_id: str
    field: str = ""


class Refused(CallerError):
    """{1}"""  # fields: code, detail, field


def build_problem(code: str, detail: str, request_id: str, field: str = "") -> Problem:
    """The problem of one refusal in the language spoken here; `code` stands in KINDS."""
    kind = KINDS[code]
    return Problem(f"urn:tokenworks:problem:{code}", tell(kind.title), kind.status, tell(detail), code, tell(kind.hint),
                   kind.retryable, request_id, field)


def classify_error(error: TokenworksError) -> tuple[str, str, str]:
    """(code, detail, field) of an error; what is not the caller's fault says nothing of the inside."""
    match error:
        case Refused():
            code, detail, field = error.fields
            return str(code), str(detail), str(field)
        case NotFound():
            return "not_found", str(error), ""
        case Conflict():
            return "conflict", str(error), ""
        case Invalid():
            return "invalid", str(error), str(error.fields[0])
        case UnknownUnit() | MalformedAmount() | AmountOutOfRange() | CallerError():
            return "invalid", str(error), ""
        case _:
            return "internal", "Something that must hold does not; the log of the control process says more.", ""


def problem_response(code: str, detail: str, request_id: str, field: str = "") -> Response:
    """The response of one refusal, with the headers its kind needs."""
    problem = build_problem(code, detail, request_id, field)
    headers = {"cache-control": "no-store", "x-request-id": request_id, "content-language": spoken(),
               "vary": "accept-language"}
    if problem.status == 401:
        headers["www-authenticate"] = 'Bearer realm="tokenworks"'
    if problem.retryable:
        headers["retry-after"] = "1"
    return Response(msgspec.json.encode(problem), problem.status, headers, "application/problem+json")
