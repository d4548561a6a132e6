"""How calls that work on a machine are written in a reply: shells, patches, computers; and what answers them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, create_model, model_validator

from mockapi.scenario.fields import (
    OPEN,
    STRICT,
    CallForm,
    Common,
    ItemForm,
    LinkForm,
    Texts,
    as_text,
    by_type,
    link,
    text_list,
    without,
)
from mockapi.wire.json import JsonObject
from mockapi.wire.typed import by_kind

__all__ = ["MACHINES"]

Form = Mapping[str, object]


class ShellAction(BaseModel):
    """What a shell is to run."""

    model_config = STRICT

    commands: Texts = ()
    max_output_length: int | None = None
    timeout_ms: int | None = None


class EnvironmentForm(BaseModel):
    """Where a shell runs; the container is the response's unless its id is given."""

    model_config = OPEN

    type: Literal["local", "container_reference"]
    container_id: str | None = None


Environment = Annotated[
    object, by_kind("local, container or a mapping", text=Literal["local", "container"], mapping=EnvironmentForm)
]


class ShellCallForm(CallForm):
    """The long form of `shell_call`: `commands`, or the wire's `action`."""

    commands: Texts = ()
    action: ShellAction | None = None
    """Commands with their limits, in place of `commands`."""
    environment: Environment = None
    """Where it runs: local, container, or a mapping."""

    @model_validator(mode="after")
    def _says_it_once(self) -> "ShellCallForm":
        if self.commands and self.action is not None:
            raise ValueError("give commands or action, not both")
        return self


class OutcomeForm(BaseModel):
    """How a command ended."""

    model_config = STRICT

    type: Literal["exit", "timeout"] = "exit"
    exit_code: int | None = None


class PrintedForm(BaseModel):
    """What one command printed."""

    model_config = STRICT

    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    outcome: OutcomeForm | None = None


class ShellOutputForm(CallForm):
    """The long form of `shell_call_output`: what one command printed, or `output` with an entry a command."""

    stdout: str | None = None
    stderr: str | None = None
    exit_code: int | None = None
    output: list[PrintedForm] | None = None
    """What each command printed, in place of `stdout`, `stderr` and `exit_code`."""
    max_output_length: int | None = None

    @model_validator(mode="after")
    def _says_it_once(self) -> "ShellOutputForm":
        if self.output is not None and (self.stdout or self.stderr or self.exit_code is not None):
            raise ValueError("give output, or stdout, stderr and exit_code, not both")
        return self


class LocalShellAction(BaseModel):
    """What a local shell is to run."""

    model_config = STRICT

    type: Literal["exec"] = "exec"
    command: Texts
    env: dict[str, str] = {}
    timeout_ms: int | None = None
    user: str | None = None
    working_directory: str | None = None


class LocalShellCallForm(CallForm):
    """The long form of `local_shell_call`."""

    action: LocalShellAction


class LocalShellOutputForm(Common):
    """The long form of `local_shell_call_output`."""

    output: str = ""


class PatchForm(BaseModel):
    """One change of one file; a file that is deleted has no diff."""

    model_config = STRICT

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    """The file."""
    diff: str | None = None

    @model_validator(mode="after")
    def _diff_fits(self) -> "PatchForm":
        if (self.diff is None) != (self.type == "delete_file"):
            raise ValueError("create_file and update_file need a diff, delete_file has none")
        return self


class ApplyPatchForm(LinkForm):
    """The long form of `apply_patch_call`."""

    status: Literal["in_progress", "completed"] | None = None
    operation: PatchForm


class PatchOutputForm(LinkForm):
    """The long form of `apply_patch_call_output`."""

    status: Literal["completed", "failed"] | None = None
    output: str | None = None


class SafetyCheckForm(BaseModel):
    """A safety check that a client has to acknowledge."""

    model_config = STRICT

    id: str
    code: str | None = None
    """What kind of check it is."""
    message: str | None = None
    """What the user is told."""


_POINT = {"x": int, "y": int}
_ACTIONS: Mapping[str, Mapping[str, Any]] = {
    "click": {"button": Literal["left", "right", "wheel", "back", "forward"], **_POINT},
    "double_click": _POINT,
    "drag": {"path": list[dict[str, int]]},
    "keypress": {"keys": list[str]},
    "move": _POINT,
    "screenshot": {},
    "scroll": {"scroll_x": int, "scroll_y": int, **_POINT},
    "type": {"text": str},
    "wait": {},
}
"""What a computer can be told to do, and what each needs (SDK `ComputerAction`)."""


def _action_models() -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for name, needed in _ACTIONS.items():
        fields: Any = {"type": (Literal[name], ...), **{key: (kind, ...) for key, kind in needed.items()}}
        if name not in ("screenshot", "type", "wait", "keypress"):
            fields["keys"] = (list[str] | None, None)
        kinds[name] = create_model(f"Computer_{name}", __config__=STRICT, **fields)
    return kinds


ComputerAction = Annotated[object, by_type("an action: " + ", ".join(_ACTIONS), _action_models())]


class ComputerCallForm(CallForm):
    """The long form of `computer_call`: one `action`, or several at once as `actions`."""

    action: ComputerAction | None = None
    actions: list[ComputerAction] | None = None
    pending_safety_checks: list[SafetyCheckForm] | None = None

    @model_validator(mode="after")
    def _says_it_once(self) -> "ComputerCallForm":
        if self.action is not None and self.actions is not None:
            raise ValueError("give action or actions, not both")
        return self


class ScreenshotForm(BaseModel):
    """What a computer shows."""

    model_config = STRICT

    type: Literal["computer_screenshot"] = "computer_screenshot"
    file_id: str | None = None
    image_url: str | None = None


class ComputerOutputForm(LinkForm):
    """The long form of `computer_call_output`."""

    status: Literal["in_progress", "completed", "incomplete", "failed"] | None = None
    output: ScreenshotForm
    acknowledged_safety_checks: list[SafetyCheckForm] | None = None


def _shell_call(form: Form) -> JsonObject:
    given = form.get("action")
    action = given if isinstance(given, Mapping) else {"commands": form.get("commands")}
    whole = {"max_output_length": None, "timeout_ms": None, **action, "commands": text_list(action.get("commands"))}
    item = link("shell_call", without(form, "commands"), action=dict(sorted(whole.items())))
    environment = form.get("environment")
    if isinstance(environment, str):
        item["environment"] = {"type": "container_reference" if environment == "container" else "local"}
    return item


def _printed(form: Form) -> JsonObject:
    code = form.get("exit_code") or 0
    given = form.get("outcome")
    outcome = dict(given) if isinstance(given, Mapping) else {}
    if outcome.setdefault("type", "exit") == "exit":
        outcome.setdefault("exit_code", code)
    return {"outcome": outcome, "stderr": as_text(form.get("stderr")), "stdout": as_text(form.get("stdout"))}


def _shell_output(form: Form) -> JsonObject:
    given = form.get("output")
    outputs = [_printed(each) for each in given] if isinstance(given, list) else [_printed(form)]
    plain = without(form, "stdout", "stderr", "exit_code")
    return {"max_output_length": None, **link("shell_call_output", plain, output=outputs)}


def _local_shell_call(form: Form) -> JsonObject:
    action = form["action"]
    given = dict(action) if isinstance(action, Mapping) else {}
    whole = {"type": "exec", "env": {}, **given, "command": text_list(given.get("command"))}
    return link("local_shell_call", form, action=whole)


def _local_shell_output(form: Form) -> JsonObject:
    return {"type": "local_shell_call_output", **form, "output": as_text(form.get("output"))}


def _patch(form: Form) -> JsonObject:
    return link("apply_patch_call", form)


def _patch_output(form: Form) -> JsonObject:
    return link("apply_patch_call_output", form)


def _computer_call(form: Form) -> JsonObject:
    item = link("computer_call", form, pending_safety_checks=form.get("pending_safety_checks", []))
    return item if "actions" in form else {"action": {"type": "screenshot"}, **item}


def _computer_output(form: Form) -> JsonObject:
    output = form["output"]
    shown = {"type": "computer_screenshot", **output} if isinstance(output, Mapping) else output
    return link("computer_call_output", form, output=shown)


class _VerbatimShellAction(BaseModel):
    model_config = OPEN

    commands: list[str]


MACHINES: Mapping[str, ItemForm] = {
    "shell_call": ItemForm(ShellCallForm, _shell_call, "commands", wire={"action": _VerbatimShellAction}),
    "shell_call_output": ItemForm(ShellOutputForm, _shell_output, "stdout", wire={"output": list[dict[str, object]]}),
    "apply_patch_call": ItemForm(ApplyPatchForm, _patch, wire={"operation": dict[str, object]}),
    "local_shell_call": ItemForm(LocalShellCallForm, _local_shell_call, wire={"action": dict[str, object]}),
    "computer_call": ItemForm(ComputerCallForm, _computer_call),
    "local_shell_call_output": ItemForm(LocalShellOutputForm, _local_shell_output),
    "apply_patch_call_output": ItemForm(PatchOutputForm, _patch_output),
    "computer_call_output": ItemForm(ComputerOutputForm, _computer_output),
}
"""Calls of tools that act on a machine, the client's or the server's, and the answers to them."""
