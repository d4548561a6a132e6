"""Where webhooks may go to: what is refused at load, at start and at registration."""

import subprocess
import sys

import pytest
from openai import BadRequestError

from mockapi.errors import ScenarioError, UsageError
from mockapi.scenario.load import load_text
from mockapi.server import build_app
from mockapi.settings import Settings
from mockapi.wire.urls import Hosts, check_url

from .test_endpoints import STEP, register

REFUSED = [
    ("file:///etc/passwd", "must begin with http:// or https://, not file"),
    ("gopher://127.0.0.1/", "must begin with http:// or https://"),
    ("localhost/x", "must begin with http:// or https://, not nothing"),
    ("http://user@localhost/", "user name or password"),
    ("http://user:pw@localhost/", "user name or password"),
    ("http://@localhost/", "user name or password"),
    ("http://", "names no host"),
    ("http://[::1/", "this is no URL"),
    ("http://localhost:port/", "this is no URL"),
    ("http://local host/", "no spaces"),
    ("http://127.0.0.1\\@example.com/", "no spaces, control characters or backslashes"),
    ("http://example.com/", "example.com is not this machine: list it with --webhook-hosts"),
    ("http://10.0.0.1/", "not this machine"),
    ("http://0.0.0.0/", "not this machine"),
    ("http://localhost.example.com/", "not this machine"),
    ("http://169.254.169.254/latest/meta-data", "link-local or metadata"),
    ("http://169.254.169.254./", "link-local or metadata"),
    ("http://2852039166/", "link-local or metadata"),
    ("http://0xa9.254.0251.0xfe/", "link-local or metadata"),
    ("http://[fe80::1]/", "link-local or metadata"),
    ("http://[fe80::1%25eth0]/", "link-local or metadata"),
    ("http://[::ffff:169.254.169.254]/", "link-local or metadata"),
    ("http://[64:ff9b::a9fe:a9fe]/", "link-local or metadata"),
    ("http://[fd00:ec2::254]/", "link-local or metadata"),
    ("http://localhost/" + "x" * 2_048, "string too long"),
]


@pytest.mark.parametrize(("url", "words"), REFUSED)
def test_refused_urls(in_process, url, words):
    client = in_process(STEP)
    with pytest.raises(BadRequestError) as caught:
        register(client, url)
    assert words in caught.value.message
    assert caught.value.param == "url"
    made = register(client, "http://127.0.0.1/")
    with pytest.raises(BadRequestError):
        client.webhooks.update(made.id, url=url)
    assert client.webhooks.retrieve(made.id).url == "http://127.0.0.1/"


@pytest.mark.parametrize(
    ("listed", "host", "resolved", "is_allowed"),
    [
        ((), "localhost", ("127.0.0.1", "::1"), True),
        ((), "app.localhost", ("127.0.0.1",), True),
        ((), "app.localhost", ("10.0.0.1",), False),
        ((), "127.8.8.8", (), True),
        ((), "::1", (), True),
        ((), "::ffff:127.0.0.1", (), True),
        ((), "2130706433", (), True),
        (("app",), "app", ("172.17.0.2",), True),
        (("*.internal",), "a.internal", ("10.0.0.1",), True),
        (("*.internal",), "a.external", (), False),
        (("*",), "example.com", ("93.184.216.34",), True),
        (("*",), "example.com", ("169.254.169.254",), False),
        (("*",), "169.254.169.254", (), False),
        (("*", "169.254.169.254"), "169.254.169.254", (), True),
        (("169.254.169.254",), "0xa9fea9fe", (), True),
        (("[fe80::1]",), "fe80::1", (), True),
        (("APP",), "App.", (), True),
        (("metadata.internal",), "metadata.internal", ("169.254.169.254",), True),
    ],
)
def test_hosts(listed, host, resolved, is_allowed):
    assert (Hosts(listed).refusal(host, resolved) is None) is is_allowed


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("webhooks: {url: 'ftp://localhost/'}", "s:1:12: webhooks.url: the URL must begin with http:// or https://, not ftp"),
        ("webhooks: {url: 'http://me:pw@localhost/'}", "s:1:12: webhooks.url: the URL must not carry a user name or password"),
        ("webhooks: {url: 'http:///x'}", "s:1:12: webhooks.url: the URL names no host"),
        ("webhooks: {url: 'http://localhost:99999/'}", "s:1:12: webhooks.url: this is no URL: Port out of range 0-65535"),
        ("webhooks: {}", "s:1:1: webhooks.url: this key is required"),
        (
            "webhooks: {url: 'http://localhost/', secret: whsec_.}",
            "s:1:38: webhooks.secret: what follows whsec_ in a secret must be base64",
        ),
        ("webhooks: {url: 'http://localhost/', secret: ''}", "s:1:38: webhooks.secret: a secret is not empty"),
        ("webhooks: {url: 'http://localhost/', evnts: []}", "s:1:38: webhooks.evnts: unknown key; did you mean 'events'?"),
        (
            "webhooks: {url: 'http://localhost/', events: [response.done]}",
            "s:1:47: webhooks.events[0]: expected 'response.completed', 'response.failed', 'response.cancelled' or 'response.incomplete', got 'response.done'; did you mean 'response.failed'?",
        ),
        (
            "webhooks: {url: 'http://localhost/', fault: {delay: 5}}",
            "s:1:46: webhooks.fault.delay: a duration is written like 250ms, 2s, 10m or 1h30m",
        ),
    ],
)
def test_what_a_scenario_may_not_say(line, problem):
    with pytest.raises(ScenarioError) as caught:
        load_text(f"{line}\nsteps: []", "s")
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    "settings",
    [
        {"webhook_url": ("file:///etc/passwd",)},
        {"webhook_url": ("http://example.com/",)},
        {"webhook_url": ("http://[fe80::1]/",), "webhook_hosts": ("*",)},
        {"webhook_secret": "whsec_!"},
    ],
)
def test_settings_that_cannot_work(settings):
    with pytest.raises(UsageError, match="--webhook-"):
        build_app(Settings(**settings), [])


def test_the_host_of_a_url():
    assert check_url("https://Hooks.Example.com:8443/a?b=c") == "hooks.example.com"


def test_who_posts_nothing_does_not_load_httpx():
    code = "import sys, mockapi.server as s; s.build_app(s.Settings(), []); sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
