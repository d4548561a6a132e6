"""The errors that scenarios ask for, by code or by the name of a row: what they do not say, the catalogue does."""

from collections.abc import Mapping

from mockapi.errors import ApiError, MockError
from mockapi.wire.catalogue import Row, row_of, told
from mockapi.wire.catalogue.row import filled

__all__ = ["check_header", "error_from", "failure_of"]


def error_from(form: Mapping[str, object], names: Mapping[str, str]) -> ApiError:
    """The error a scenario asks for: what it gives wins, the rest comes from the catalogue's row of that code or name.

    `names` fill `{model}` and `{request_id}` in the catalogue's messages, its own sample values everything else. The name of a
    row that is no code stands for that row's code, unless a `status` makes the error the scenario's own.
    """
    code, kind = form.get("code"), form.get("type")
    row = row_of(str(code), kind if isinstance(kind, str) else None)
    if row is not None and row.code != code:
        row, code = (None, code) if form.get("status") is not None else (row, row.code)
    status = form.get("status", row.status if row else 400)
    message = form.get("message")
    if message is None:
        message = _words(row, row.message, names) if row else f"The scenario answers with status {status}."
    default_type = "server_error" if isinstance(status, int) and status >= 500 else "invalid_request_error"
    param = form.get("param", _words(row, row.param, names) if row and row.param is not None else None)
    return ApiError(
        str(message),
        status=status if isinstance(status, int) else 400,
        type=str(kind) if kind else (row.type if row else default_type),
        param=None if param is None else str(param),
        code=None if code is None else str(code),
        headers=_headers(row, form.get("headers")),
        layout="pretty" if row is None or (row.layout == "empty" and form.get("message")) else row.layout,
    )


def _words(row: Row, template: str, names: Mapping[str, str]) -> str:
    return filled(template, {**row.sample, **{name: value for name, value in names.items() if value}})


def _headers(row: Row | None, given: object) -> dict[str, str]:
    headers = {**(row.headers if row else {}), **(given if isinstance(given, Mapping) else {})}
    for value in headers.values():
        try:
            check_header(str(value))
        except ValueError as problem:
            raise MockError(str(problem), status=500, code="mock_template_error") from None
    return {str(key).lower(): str(value) for key, value in headers.items()}


def check_header(value: str) -> None:
    """ValueError if no header can carry the value."""
    if not all(character == "\t" or (" " <= character <= "ÿ" and character != "\x7f") for character in value):
        raise ValueError(f"a header cannot carry {value!r}")


def failure_of(form: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """The nested `error` of a failing stream: type, code, message, param, in the recorded order (ERRORS.md §12).

    Its code is the scenario's, whatever it is.
    """
    code = str(form["code"])
    row = row_of(code)
    if row is None or row.code != code:
        failed = told("model_failed")
        form = {"type": failed.type, "message": failed.message, "status": failed.status, **form}
    error = error_from(form, names)
    return {"type": error.type, "code": error.code, "message": error.message, "param": error.param}
