"""Docs cannot rot: every key of the format, every option and every page is mentioned."""

import re

import click
import pytest

from mockapi.cli import main
from mockapi.scenario.forms import FORMS
from mockapi.scenario.model import Defaults, ErrorForm, FailForm, PaceForm, ReplyForm, ScenarioFile, StepForm, UsageForm, When
from mockapi.wire.catalogue import ERROR_CODES

from .conftest import ROOT

PAGE = (ROOT / "docs" / "scenarios.md").read_text()


@pytest.mark.parametrize(
    "model",
    [ScenarioFile, StepForm, When, ReplyForm, UsageForm, PaceForm, ErrorForm, FailForm, Defaults]
    + [form.long for form in FORMS.values() if form.long is not object],
    ids=lambda model: model.__name__,
)
def test_every_key_is_described(model):
    words = set(re.findall(r"\w+", PAGE))
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert names - words == set()


def test_every_item_and_code_is_described():
    assert [name for name in (*FORMS, *ERROR_CODES) if f"`{name}`" not in PAGE] == []


def test_every_command_has_help():
    for name, command in main.commands.items():
        assert command.help, name
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        assert [option.name for option in options if not option.help] == []
