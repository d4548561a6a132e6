"""The error catalogue: every error of the real API, once. A table, looked up by whoever refuses something.

`told` makes the error of a row; `mockapi.wire.catalogue.scripted` makes those that scenarios ask for. Rows are named after their
code; where a code has several rows, or none, the others have names of their own.
"""

from collections.abc import Mapping

from mockapi.errors import ApiError
from mockapi.wire.catalogue import access, files, history, limits, models, requests, state, tools
from mockapi.wire.catalogue.row import Confidence, Row

__all__ = ["ERROR_CODES", "ERROR_NAMES", "FAMILIES", "ROWS", "Confidence", "Row", "row_of", "told"]

FAMILIES: Mapping[str, tuple[Row, ...]] = {
    "Access and routing": access.ROWS,
    "Models": models.ROWS,
    "Bodies and queries": requests.ROWS,
    "State": state.ROWS,
    "History": history.ROWS,
    "Schemas and tools": tools.ROWS,
    "Images, files, policy": files.ROWS,
    "Limits and the server": limits.ROWS,
}
"""The rows by what they are about."""

ROWS = tuple(row for rows in FAMILIES.values() for row in rows)
"""Every row, in the order of ERRORS.md; the first row of a code is the one that the bare code means."""

_BY_NAME = {row.name: row for row in ROWS}

ERROR_CODES = tuple(dict.fromkeys(row.code for row in ROWS if row.code is not None))
"""Codes that a scenario may name bare."""

ERROR_NAMES = (*ERROR_CODES, *(row.name for row in ROWS if row.code is None))
"""Codes, then the names of rows whose code is null: what `error:` of a scenario takes (and the name of any other row)."""


def told(row: str, /, **fields: object) -> ApiError:
    """The error of a row, by its name, with these fields in its words. KeyError for a name or a field that is missing."""
    return _BY_NAME[row].error(fields)


def row_of(code: str, kind: str | None = None) -> Row | None:
    """The row that a code means, of this type if it has one; or the row of that name."""
    rows = [row for row in ROWS if row.code == code]
    if not rows:
        return _BY_NAME.get(code)
    return next((row for row in rows if row.type == kind), rows[0])
