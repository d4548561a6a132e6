"""The one "not yet" table: what the newest official SDK knows and this project does not support.

Nothing in it is ignored: scenario files that use it are refused by name. `tests/test_contract.py` fails when the SDK learns of
something that is neither supported nor listed here.
"""

__all__ = ["LATER_EVENTS", "LATER_ITEMS", "LATER_PARAMETERS"]

LATER_PARAMETERS: frozenset[str] = frozenset()
"""Parameters of `POST /v1/responses`: none; all are accepted."""

LATER_ITEMS = frozenset(
    (
        "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "computer_call",
        "computer_call_output", "mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response",
        "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call",
        "apply_patch_call_output", "tool_search_call", "tool_search_output", "compaction", "program", "program_output",
        "additional_tools", "function_call_output", "custom_tool_call_output",
    )
)  # fmt: skip
"""Output item types that cannot be scripted."""

LATER_EVENTS = frozenset(
    f"response.{name}"
    for name in (
        "audio.delta", "audio.done", "audio.transcript.delta", "audio.transcript.done", "compaction.compacting",
        "code_interpreter_call.in_progress", "code_interpreter_call.interpreting", "code_interpreter_call.completed",
        "code_interpreter_call_code.delta", "code_interpreter_call_code.done", "file_search_call.in_progress",
        "file_search_call.searching", "file_search_call.completed", "image_generation_call.in_progress",
        "image_generation_call.generating", "image_generation_call.partial_image", "image_generation_call.completed",
        "mcp_call.in_progress", "mcp_call.completed", "mcp_call.failed", "mcp_call_arguments.delta",
        "mcp_call_arguments.done", "mcp_list_tools.in_progress", "mcp_list_tools.completed", "mcp_list_tools.failed",
        "shell_call_command.added", "shell_call_command.delta", "shell_call_command.done",
        "shell_call_output_content.delta", "shell_call_output_content.done", "web_search_call.in_progress",
        "web_search_call.searching", "web_search_call.completed",
    )
)  # fmt: skip
"""Stream event types that nothing can be scripted to send."""
