"""Calls that a client or a program answers, and what answers them (WIRE.md §4 "Per item")."""

from collections.abc import Iterator

from mockapi.engine.entry import Draft, Item, Play, mappings, one_delta, one_text, string
from mockapi.engine.pace import split_text
from mockapi.engine.shaping import Cut, Shaping, Slots
from mockapi.wire.json import JsonObject
from mockapi.wire.opaque import opaque_at_first

__all__ = [
    "by_container",
    "cut_commands",
    "cut_output",
    "cut_patch",
    "finish_function_call",
    "finish_shell_call",
    "function_call_events",
    "local_shell_opening",
    "patch_events",
    "patch_opening",
    "program_opening",
    "shell_events",
    "shell_opening",
    "shell_output_events",
]

_arguments = one_text("arguments", "function_call_arguments")


def is_from_program(item: Item) -> bool:
    """Whether a program made the call."""
    caller = item.get("caller")
    return isinstance(caller, dict) and caller.get("type") == "program"


def function_call_events(item: Item, play: Play) -> Iterator[Draft]:
    """Deltas of the arguments; from a program they come in one."""
    if not is_from_program(item):
        yield from _arguments(item, play)
        return
    arguments = string(item, "arguments")
    yield one_delta("function_call_arguments", arguments)
    yield Draft("function_call_arguments.done", {"arguments": arguments})


def finish_function_call(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    """A call from a program is in progress still when the response ends."""
    return {"status": "in_progress", **item} if is_from_program(item) else item


def _action(item: Item) -> Item:
    action = item.get("action")
    return action if isinstance(action, dict) else {}


def _commands(item: Item) -> list[str]:
    commands = _action(item).get("commands")
    return [str(command) for command in commands] if isinstance(commands, list) else []


def shell_opening(item: Item) -> JsonObject:
    """No command and no limit is known yet."""
    return {**item, "status": "in_progress", "action": {**dict.fromkeys(_action(item)), "commands": []}}


def shell_events(item: Item, play: Play) -> Iterator[Draft]:
    """Each command as it is written; the only events of an item that do not name it."""
    for index, command in enumerate(_commands(item)):
        at: JsonObject = {"command_index": index}
        yield Draft("shell_call_command.added", {**at, "command": ""}, place="output")
        for delta in split_text(command, play.chunk):
            fields = {**at, "delta": delta}
            yield Draft("shell_call_command.delta", fields, is_delta=True, is_obfuscated=True, place="output")
        yield Draft("shell_call_command.done", {**at, "command": command}, place="output")


def finish_shell_call(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    """A hosted shell runs in the response's container."""
    environment = item.get("environment")
    if not isinstance(environment, dict) or environment.get("type") != "container_reference":
        return item
    return {**item, "environment": {**environment, "container_id": slots.container(environment.get("container_id"))}}


def by_container(item: Item) -> str:
    """A shell call is hosted when it runs in a container, else the client's."""
    environment = item.get("environment")
    is_hosted = isinstance(environment, dict) and environment.get("type") == "container_reference"
    return "server" if is_hosted else "client"


def cut_commands(item: Item, cut: Cut) -> JsonObject:
    """The last command is cut."""
    commands = _commands(item)
    kept = [*commands[:-1], cut.text(commands[-1])] if commands else []
    return {**item, "action": {**_action(item), "commands": kept}}


def shell_output_events(item: Item, play: Play) -> Iterator[Draft]:
    """What each command printed, in one piece."""
    for index, output in enumerate(mappings(item.get("output"))):
        at: JsonObject = {"command_index": index}
        printed = {key: output[key] for key in ("stderr", "stdout") if output.get(key)}
        if printed:
            yield Draft("shell_call_output_content.delta", {**at, "delta": printed}, is_delta=True)
        yield Draft("shell_call_output_content.done", {**at, "output": [output]})


def cut_output(item: Item, cut: Cut) -> JsonObject:
    """What the last command printed is cut."""
    outputs = mappings(item.get("output"))
    kept: list[Item] = [*outputs[:-1], {**outputs[-1], "stdout": cut.text(string(outputs[-1], "stdout"))}] if outputs else []
    return {**item, "output": kept}


def _operation(item: Item) -> Item:
    operation = item.get("operation")
    return operation if isinstance(operation, dict) else {}


def patch_opening(item: Item) -> JsonObject:
    """The file is known, its diff not yet."""
    operation = {key: "" if key == "diff" else value for key, value in _operation(item).items()}
    return {**item, "status": "in_progress", "operation": operation}


def patch_events(item: Item, play: Play) -> Iterator[Draft]:
    """The diff as it is written (recorded, though no SDK type knows these events); none for a file that is deleted."""
    if "diff" not in _operation(item):
        return
    diff = string(_operation(item), "diff")
    for delta in split_text(diff, play.chunk):
        yield Draft("apply_patch_call_operation_diff.delta", {"delta": delta}, is_delta=True, is_obfuscated=True)
    yield Draft("apply_patch_call_operation_diff.done", {"diff": diff})


def cut_patch(item: Item, cut: Cut) -> JsonObject:
    """The diff is cut."""
    operation = _operation(item)
    shorter = {**operation, "diff": cut.text(string(operation, "diff"))} if "diff" in operation else operation
    return {**item, "operation": shorter}


def local_shell_opening(item: Item) -> JsonObject:
    """The command and its environment are not known yet."""
    return {**item, "status": "in_progress", "action": {**_action(item), "command": [], "env": {}}}


def program_opening(item: Item) -> JsonObject:
    """No code yet, and another fingerprint, shorter than the last."""
    return {**item, "code": "", "fingerprint": opaque_at_first(string(item, "fingerprint"))}
