"""The event grammar: one entry an item type says how it is finished, and which events lie between its two ends.

Adding an item type is adding an entry to `GRAMMAR` (CONTRIBUTING.md). Facts: WIRE.md §3 and §4, event_grammar.json. Types that
were never recorded as output (answers of a client, `additional_tools`) are added and done, with prefixes of our own.
"""

from collections.abc import Mapping

from mockapi.engine import calls, hosted
from mockapi.engine.entry import (
    ItemGrammar,
    already_ended,
    bare,
    blanked,
    by_client,
    by_server,
    cut_field,
    in_steps,
    one_text,
)
from mockapi.engine.speech import MESSAGE, REASONING

__all__ = ["GRAMMAR", "UNKNOWN", "grammar_of"]

GRAMMAR: Mapping[str, ItemGrammar] = {
    "message": MESSAGE,
    "reasoning": REASONING,
    "function_call": ItemGrammar(
        "fc", blanked(arguments=""), calls.function_call_events, call="own", runs=by_client,
        finish=calls.finish_function_call, cut=cut_field("arguments"),
    ),
    "function_call_output": ItemGrammar("fc", call="function_call"),
    "custom_tool_call": ItemGrammar(
        "ctc", blanked(input=""), one_text("input", "custom_tool_call_input"), call="own", runs=by_client, cut=cut_field("input")
    ),
    "custom_tool_call_output": ItemGrammar("ctco", call="custom_tool_call"),
    "web_search_call": ItemGrammar(
        "ws", bare, in_steps("web_search_call", "in_progress", "searching", "completed"), runs=by_server,
        finish=hosted.finish_web_search,
    ),
    "file_search_call": ItemGrammar(
        "fs", blanked(queries=[], results=None), in_steps("file_search_call", "in_progress", "searching", "completed"),
        runs=by_server, finish=hosted.finish_file_search,
    ),
    "code_interpreter_call": ItemGrammar(
        "ci", hosted.code_opening, hosted.code_events, runs=by_server, finish=hosted.finish_code, cut=cut_field("code")
    ),
    "image_generation_call": ItemGrammar(
        "ig", bare, hosted.image_events, runs=by_server,
        finish=hosted.finish_image, cut=hosted.cut_image, cut_status="generating",
    ),
    "mcp_list_tools": ItemGrammar("mcpl", hosted.list_tools_opening, hosted.list_tools_events, status=None, interleaves=True),
    "mcp_call": ItemGrammar(
        "mcp", blanked(arguments="", error=None, output=None), hosted.mcp_call_events, runs=by_server,
        finish=hosted.finish_mcp_call, cut=hosted.cut_mcp_call,
    ),
    "mcp_approval_request": ItemGrammar("mcpr", status=None, cut=cut_field("arguments")),
    "mcp_approval_response": ItemGrammar("mcpa", status=None, finish=hosted.finish_approval),
    "computer_call": ItemGrammar("cu", blanked(), call="own", runs=by_client),
    "computer_call_output": ItemGrammar("cuo", call="computer_call"),
    "local_shell_call": ItemGrammar("lsh", calls.local_shell_opening, call="own", runs=by_client),
    "local_shell_call_output": ItemGrammar("lsho", cut=cut_field("output")),
    "shell_call": ItemGrammar(
        "sh", calls.shell_opening, calls.shell_events, call="own", runs=calls.by_container,
        finish=calls.finish_shell_call, cut=calls.cut_commands,
    ),
    "shell_call_output": ItemGrammar(
        "sho", already_ended(output=[]), calls.shell_output_events, call="shell_call", cut=calls.cut_output
    ),
    "apply_patch_call": ItemGrammar(
        "apc", calls.patch_opening, calls.patch_events, call="own", runs=by_client, cut=calls.cut_patch, cut_status="in_progress",
    ),
    "apply_patch_call_output": ItemGrammar("apco", call="apply_patch_call", cut=cut_field("output"), cut_status="failed"),
    "tool_search_call": ItemGrammar("tsc", blanked(arguments={}), call="own"),
    "tool_search_output": ItemGrammar("tso", blanked(), call="tool_search_call"),
    "program": ItemGrammar("cm", calls.program_opening, status=None, call="own", cut=cut_field("code")),
    "program_output": ItemGrammar("cmo", already_ended(result=""), call="program", cut=cut_field("result")),
    "compaction": ItemGrammar("cmp", hosted.compaction_opening, hosted.compaction_events, status=None),
    "additional_tools": ItemGrammar("at", status=None),
}  # fmt: skip
"""Every output item type that the SDK knows; a cut one has the status that its type knows for that."""

UNKNOWN = ItemGrammar("item", status=None)
"""Types that nobody knows: sent as they are, added and done."""


def grammar_of(kind: object) -> ItemGrammar:
    """The entry of an item type; that of unknown ones if it is not in the table."""
    return GRAMMAR.get(str(kind), UNKNOWN)
