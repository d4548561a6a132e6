"""The catalogue for people: rows that fit a word, as a table or as objects."""

from collections.abc import Iterable, Sequence

from mockapi.wire.catalogue import ROWS, Row
from mockapi.wire.json import JsonObject

__all__ = ["rows_with", "shown", "table_of"]

_HEAD = ("NAME", "CODE", "STATUS", "TYPE", "PARAM", "KNOWN", "ENDPOINTS")


def rows_with(word: str) -> Sequence[Row]:
    """Rows that have a word, whatever the case, in any column; a number is a status. All rows for the empty word."""
    if word.isdigit():
        return [row for row in ROWS if str(row.status) == word]
    return [row for row in ROWS if word.lower() in "\n".join((*_cells(row), row.message)).lower()]


def table_of(rows: Iterable[Row]) -> str:
    """Aligned columns; each row's message below it."""
    rows = list(rows)
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    head, *body = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    below = [f"    {row.message or '(an empty body)'}" for row in rows]
    return "\n".join([head, *(f"{line}\n{message}" for line, message in zip(body, below, strict=True))])


def _cells(row: Row) -> tuple[str, ...]:
    """What each column shows; null is a dash."""
    known = (row.type or "–", row.param or "–", row.confidence, " ".join(row.endpoints))
    return (row.name, row.code or "–", str(row.status), *known)


def shown(row: Row) -> JsonObject:
    """A row as one JSON object."""
    return {
        "name": row.name,
        "code": row.code,
        "status": row.status,
        "type": row.type,
        "param": row.param,
        "message": row.message,
        "headers": dict(row.headers),
        "layout": row.layout,
        "endpoints": list(row.endpoints),
        "confidence": row.confidence,
        "source": row.source,
        "sample": dict(row.sample),
        "note": row.note,
    }
