"""Cross-origin requests: none by default, never to the admin API."""

from starlette.testclient import TestClient

from .conftest import make_app

PAGE = "https://app.example"
PREFLIGHT = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
HEADERS = {"authorization": "Bearer k", "origin": PAGE}
BODY = {"model": "m", "input": "x"}


def client_of(*origins):
    return TestClient(make_app("steps: [{reply: hi}]", cors=origins), base_url="http://localhost")


def test_no_page_may_call_by_default():
    client = client_of()
    assert client.options("/v1/responses", headers=PREFLIGHT).status_code == 405
    assert "access-control-allow-origin" not in client.post("/v1/responses", json=BODY, headers=HEADERS).headers


def test_a_listed_origin_may_call_and_read():
    client = client_of(PAGE)
    preflight = client.options("/v1/responses", headers=PREFLIGHT)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, PAGE)
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    for extra in ({}, {"stream": True}):
        answer = client.post("/v1/responses", json={**BODY, **extra}, headers=HEADERS)
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "x-request-id" in answer.headers["access-control-expose-headers"]


def test_other_origins_may_not():
    answer = client_of(PAGE).post("/v1/responses", json=BODY, headers={**HEADERS, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_admin_api_is_never_shared():
    client = client_of("*")
    assert client.post("/v1/responses", json=BODY, headers=HEADERS).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in client.get("/_mock/requests", headers=HEADERS).headers
    assert client.post("/_mock/reset", headers={**HEADERS, "content-type": "application/json"}).status_code == 403
