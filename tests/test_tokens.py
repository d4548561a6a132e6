"""Token counting: the estimate against o200k's own figures, its pieces, and the switch to the real vocabulary."""

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mockapi.engine.pace import split_text
from mockapi.errors import UsageError
from mockapi.wire import tokens
from mockapi.wire.counter import counter_of
from mockapi.wire.tokens import count_text, split_tokens

from .conftest import ROOT, make_app

needs_bpe = pytest.mark.skipif(find_spec("rs_bpe") is None, reason="the extra `tokens` (rs-bpe) is not installed")

TEXTS = {path.stem: path.read_bytes().decode() for path in (ROOT / "tests" / "facts" / "tokens").glob("*.txt")}

# Text → what o200k makes of it, and how far off the estimate may be.
O200K = {
    "english-essay": (244, 0.15),
    "english-story": (268, 0.15),
    "python": (498, 0.15),
    "javascript": (479, 0.15),
    "json": (423, 0.15),
    "json-compact": (243, 0.15),
    "markdown": (337, 0.15),
    "chinese": (328, 0.15),
    "chinese-technical": (244, 0.15),
    "japanese": (344, 0.15),
    "korean": (271, 0.15),
    "french": (270, 0.15),
    "german": (255, 0.15),
    "russian": (281, 0.15),
    "digits": (347, 0.15),
    "emoji-chat": (232, 0.15),
    "urls": (305, 0.15),
    "whitespace": (348, 0.15),
    "hex": (333, 0.15),
    "base64": (477, 0.20),
}

texts = st.text() | st.text("aB é漢かカ한1 \n\t.,(_'-😀\u0301", max_size=80)


def test_every_text_has_its_figure():
    assert set(TEXTS) == set(O200K)


@pytest.mark.parametrize("name", O200K)
def test_the_estimate_is_near_o200k(name):
    true, bound = O200K[name]
    assert true >= 200
    assert abs(count_text(TEXTS[name]) - true) / true <= bound


@needs_bpe
@pytest.mark.parametrize("name", O200K)
def test_the_figures_are_o200ks(name):
    assert counter_of("bpe").count_text(TEXTS[name]) == O200K[name][0]


@pytest.mark.parametrize("name", O200K)
def test_the_page_has_the_measured_error(name):
    page = (ROOT / "docs" / "tokens.md").read_text()
    true, counted = O200K[name][0], count_text(TEXTS[name])
    assert f"| {name} | {true} | {counted} | {100 * (counted - true) / true:+.1f} % |" in page


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("Tell me a joke.", ["Tell", " me", " a", " joke", "."]),
        ("def f(self):\n        return 1234", ["def", " f", "(self", "):\n", "       ", " return", " ", "123", "4"]),
        ("getUserName", ["get", "User", "Name"]),
        (" internationalization", [" inte", "rnat", "iona", "liza", "tion"]),
        ("a 🍕", ["a", "", " 🍕"]),
    ],
)
def test_pieces(text, pieces):
    assert split_tokens(text) == pieces
    assert count_text(text) == len(pieces)


@given(texts)
def test_pieces_joined_are_the_text_and_as_many_as_its_tokens(text):
    pieces = split_tokens(text)
    assert "".join(pieces) == text
    assert len(pieces) == count_text(text)
    assert all(split_text(text, "tokens"))
    assert "".join(split_text(text, "tokens")) == text


@given(texts, st.integers(0, 30))
def test_a_text_cut_after_n_pieces_counts_n_tokens_at_most(text, n):
    assert count_text("".join(split_tokens(text)[:n])) <= n


def test_every_repeat_is_bounded():
    """So that the time is linear: no piece is looked for further than 144 characters ahead."""
    for piece in tokens._PIECES:
        bare = re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "", piece)
        assert "*" not in bare
        assert "+" not in bare.replace("}+", "}")
        assert max([int(most) for most in re.findall(r",(\d+)\}", bare)], default=1) <= 128


@pytest.mark.parametrize("unit", ["a", " ", "\n", " \n", "\t", "é", "漢", "😀", "1", " 1", "A", "_", "\u0301", "a" * 12 + " "])
def test_long_monotonous_texts_count_in_proportion(unit):
    once, tenfold = count_text(unit * 5_000), count_text(unit * 50_000)
    assert abs(tenfold - 10 * once) <= 10


@needs_bpe
@pytest.mark.parametrize(("text", "true"), [("", 0), ("Tell me a joke.", 5), ("<|endoftext|>", 7), ("a\ud800b", 3)])
def test_the_real_count_takes_any_text(text, true):
    assert counter_of("bpe").count_text(text) == true


def usage_of(text, **settings):
    client = TestClient(make_app(f'steps: [{{reply: "{text}"}}]', **settings))
    body = {"model": "gpt-4o", "input": "Tell me a joke.", "instructions": text}
    answer = client.post("/v1/responses", json=body, headers={"authorization": "Bearer k"})
    return answer.json()["usage"]


@needs_bpe
def test_the_setting_decides_how_usage_is_counted():
    rare = "Zxqvkw jjgrbl " * 4 + "x"
    estimated, real = usage_of(rare), usage_of(rare, tokens="bpe")
    count = counter_of("bpe").count_text
    assert (estimated["input_tokens"], estimated["output_tokens"]) == (12 + count_text(rare), count_text(rare))
    assert (real["input_tokens"], real["output_tokens"]) == (12 + count(rare), count(rare))
    assert count(rare) != count_text(rare)


@needs_bpe
def test_a_chain_is_counted_by_the_setting_too():
    client = TestClient(make_app("steps: [{reply: Antidisestablishmentarianism}]", tokens="bpe"))
    body = {"model": "gpt-4o", "input": "Tell me a joke."}
    headers = {"authorization": "Bearer k"}
    first = client.post("/v1/responses", json=body, headers=headers).json()
    second = client.post("/v1/responses", json={**body, "previous_response_id": first["id"]}, headers=headers).json()
    assert first["usage"]["input_tokens"] == 12
    assert second["usage"]["input_tokens"] == 12 + counter_of("bpe").count_text("Antidisestablishmentarianism") + 5


def test_without_the_package_the_setting_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "rs_bpe.bpe", None)  # what `import` then finds is nothing
    counter_of.cache_clear()
    with pytest.raises(UsageError, match=r"^--tokens bpe needs .* pip install 'mockapi\[tokens\]'$"):
        make_app("steps: []", tokens="bpe")


def test_serve_says_so_too(tmp_path):
    (tmp_path / "rs_bpe.py").write_text("raise ImportError\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from mockapi.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--port", "0", "--tokens", "bpe"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("mockapi: --tokens bpe needs a package")


@pytest.mark.parametrize("module", ["mockapi.server", "mockapi.cli"])
def test_the_vocabulary_is_not_loaded_unless_asked_for(module):
    code = f"import sys, {module}; print('rs_bpe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
