"""The one "not yet" table: what the newest official SDK knows and this project does not support.

Nothing in it is ignored: scenario files that use it are refused by name. `tests/test_contract.py` fails when the SDK learns of
something that is neither supported nor listed here.
"""

__all__ = ["LATER_EVENTS", "LATER_ITEMS", "LATER_PARAMETERS"]

LATER_PARAMETERS: frozenset[str] = frozenset()
"""Parameters of `POST /v1/responses`: none; all are accepted."""

LATER_ITEMS: frozenset[str] = frozenset()
"""Output item types that cannot be scripted: none."""

LATER_EVENTS: frozenset[str] = frozenset()
"""Stream event types that nothing can be scripted to send: none."""
