"""`docs/errors.md`: the error catalogue as a page. `python -m tests.errors_page > docs/errors.md`."""

from mockapi.wire.catalogue import FAMILIES, Row

INTRO = """\
# Errors

Every error of the real API that mockapi knows, from one table: what validation, state, history, models and scenarios say is looked up
here. Made by `python -m tests.reference_pages`; a test holds it current. `mockapi errors [FILTER]` lists it at the shell, `--json` with
headers, sample values and notes.

`error:` of a [scenario](scenarios.md) takes any **code**, or the **name** of a row whose code is null (of any other row too). Where a
code has several rows the first is meant; `{code, type}` picks the one of another type. `{words}` in messages and params are filled with
sample values then, `{model}` and `{request_id}` with the request's own. `retry-after: 1` goes with rate limits unless `headers` says otherwise.

A field that has the wrong type, range or value is told by a row of "Bodies and queries" with the field's path; what each field takes
follows from the types in `mockapi/wire`, and `tests/test_validation.py` holds it, so such fields have no rows of their own.

| known | means |
|---|---|
| V | seen verbatim in a recording or measurement of the real API |
| V- | seen verbatim, some fields not shown: they are inferred |
| D | official documentation |
| 2nd, I | known second hand; inferred |
| assumed | nothing is known; the mock's own choice |

Sections (§) are those of the project's collection of recorded errors. Endpoints in parentheses are not served by the mock: their errors
come through `error:` only. Not in the table: pages of HTML from the network's edge, texts that are published nowhere (several errors of
steering and multi-agent, the codes of `response.error` about images, an unknown file or container), and what begins with `mock_`, which
the mock says itself.
"""


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def code(text: str | None) -> str:
    return "–" if text is None else f"`{cell(text)}`"


def message(row: Row) -> str:
    text = f"`` {cell(row.message)} ``" if "`" in row.message else code(row.message)
    told = "(an empty body)" if row.layout == "empty" else text
    extra = [f"`{name}: {value}`" for name, value in row.headers.items()]
    layout = {"line": "on one line", "edge": "`text/plain`"}.get(row.layout)
    notes = [*extra, *([layout] if layout else []), *([cell(row.note)] if row.note else [])]
    return told + (f"<br>{'; '.join(notes)}" if notes else "")


def line(row: Row) -> str:
    endpoints = " ".join(f"`{each}`" for each in row.endpoints)
    known = f"{row.confidence} {row.source}".strip()
    cells = (f"`{row.name}`", code(row.code), str(row.status), code(row.type), code(row.param), endpoints, message(row), known)
    return f"| {' | '.join(cells)} |"


def page() -> str:
    parts = [INTRO]
    for title, rows in FAMILIES.items():
        head = ["| name | code | status | type | param | endpoints | message | known |", "|---|---|---|---|---|---|---|---|"]
        parts += [f"## {title}", "", *head, *(line(row) for row in rows), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
