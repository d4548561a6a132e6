"""What only the store in a file can get into: a file that is none, is held, or is broken; and what is swept away later."""

import asyncio
import os
import sqlite3
from functools import partial

import pytest
from starlette.testclient import TestClient

from mockapi.errors import StoreError, UsageError
from mockapi.stores.sqlite import SqliteStore
from mockapi.stores.sqlite import database as module
from mockapi.stores.sqlite.schema import ROWS

from .backends import run
from .conftest import make_app
from .test_stores import record, thread

KEY = {"authorization": "Bearer k"}


@pytest.fixture(autouse=True)
def _is_impatient(monkeypatch):
    """What others hold is given up on soon."""
    monkeypatch.setattr("mockapi.stores.sqlite.projects.Database", partial(module.Database, patience_s=0.02))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def store(file):
    made = SqliteStore(str(file))
    yield made
    run(made.close())


def held(file, how="IMMEDIATE"):
    """Another program, in the middle of writing."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute(f"BEGIN {how}")
    return other


def changed(file, statement):
    with sqlite3.connect(file) as other:
        other.execute(statement)
    other.close()


def refusal(store):
    with pytest.raises(UsageError) as caught:
        run(store.open())
    return str(caught.value)


def test_files_that_cannot_be_used_are_refused_in_a_sentence(store, file, tmp_path):
    start = f"--store sqlite:///{file}: "
    file.write_text("this is no database, but long enough to be taken for one" * 40)
    assert refusal(store) == start + "it is no SQLite database; choose another file"
    file.unlink()
    changed(file, "CREATE TABLE x(y)")
    assert refusal(store) == start + "it is another program's database; choose another file"
    file.unlink()
    assert refusal(SqliteStore(str(tmp_path / "no" / "x.db"))).endswith(f"there is no folder {tmp_path / 'no'}")
    assert refusal(SqliteStore(str(tmp_path))).endswith("it is a folder; name a file in it")


@pytest.mark.parametrize(("version", "told"), [(9_999, "a newer mockapi; update"), (1, "an older mockapi")])
def test_a_file_of_another_release_is_refused(store, file, version, told):
    run(store.open(), store.close())
    changed(file, f"PRAGMA user_version = {version}")
    assert told in refusal(store)


def test_a_file_that_another_program_holds_is_refused(store, file):
    run(store.open(), store.close())
    other = held(file)
    assert refusal(store) == f"--store sqlite:///{file}: another program holds a lock on it"
    other.close()
    run(store.open())


def test_a_damaged_file_is_refused(store, file):
    run(store.open(), *(store.add_response("a", record(f"resp_{n}", plan=b"x" * 5_000)) for n in range(20)), store.close())
    data = bytearray(file.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    file.write_bytes(data)
    assert refusal(store).endswith("it is damaged; delete it, or put a copy back")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_refused(store, file):
    run(store.open(), store.close())
    file.chmod(0o444)
    assert refusal(store).endswith("it may not be written")


def test_a_call_waits_for_who_holds_the_file_and_then_gives_up(store, file, monkeypatch):
    run(store.open())
    other = held(file)
    with pytest.raises(StoreError, match="another program holds a lock on it"):
        run(store.add_response("a", record()))
    assert run(store.get_response("a", "resp_1"), store.is_ready()) == [None, False]  # who reads does not wait

    async def freed(seconds):
        other.close()

    monkeypatch.setattr(module, "outside_time", freed)
    assert run(store.add_response("a", record()), store.is_ready()) == [True, True]


def test_a_store_that_breaks_comes_back_by_itself(store, file):
    run(store.open(), store.add_response("a", record()))
    changed(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    good = file.read_bytes()
    run(store.close())
    file.write_bytes(b"this is no database" * 1_000)
    for call in (store.get_response, store.drop_response):
        with pytest.raises(StoreError, match="it is no SQLite database"):
            run(call("a", "resp_1"))
    file.write_bytes(good)
    assert run(store.get_response("a", "resp_1")) == [record()]


def test_a_failure_in_the_middle_leaves_nothing(store):
    with pytest.raises(sqlite3.ProgrammingError):
        run(store.add_conversation("a", thread(), [("msg_1", b"1"), ("msg_2", object())]))
    assert run(store.get_conversation("a", "conv_1"), store.find_item("a", "msg_1")) == [None, None]
    assert run(store.add_conversation("a", thread(), [("msg_1", b"1")])) == [True]


def test_a_server_says_503_as_long_as_its_store_fails(file):
    app = make_app("steps: [{reply: hi}]", store=f"sqlite:///{file}")
    with TestClient(app, base_url="http://127.0.0.1") as client:
        body = {"model": "gpt-4o", "input": "x"}
        made = client.post("/v1/responses", json=body, headers=KEY).json()
        other = held(file)
        refused = client.post("/v1/responses", json=body, headers=KEY)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"] == {
            "message": f"The store in {file} does not answer: another program holds a lock on it.",
            "type": "service_unavailable_error",
            "param": None,
            "code": "mock_store_unavailable",
        }
        asked = [("GET", "/v1/nothing"), ("POST", "/_mock/reset"), ("GET", "/_mock/ready"), ("GET", "/_mock/health")]
        assert [client.request(*each, headers=KEY).status_code for each in asked] == [503, 503, 503, 200]
        other.close()
        assert client.get("/_mock/ready").status_code == 200
        assert client.get(f"/v1/responses/{made['id']}", headers=KEY).json() == made


def test_answers_go_out_where_the_journal_cannot_be_written(file, caplog):
    """The store fails between the answer and its entry."""
    with TestClient(make_app("steps: [{reply: hi}]", store=f"sqlite:///{file}")) as client:
        wrapped = SqliteStore.add_entry

        async def fails(self, project, entry):
            raise StoreError("gone")

        SqliteStore.add_entry = fails
        try:
            statuses = [
                client.post("/v1/responses", json={"model": "gpt-4o", "input": "x"}, headers=KEY).status_code for _ in "123"
            ]
        finally:
            SqliteStore.add_entry = wrapped
        assert statuses == [200, 200, 200]
        assert [each.message for each in caplog.records if "journal" in each.message] == [
            "calls are missing in the journal: gone"
        ]


def rows(file):
    with sqlite3.connect(file) as other:
        counts = {table: other.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in [*ROWS, "projects"]}
    other.close()
    return counts


def test_a_large_project_is_gone_at_once_and_swept_away_later(store, file):
    run(*(store.add_response("a", record(f"resp_{n}", item_ids=(f"msg_{n}",))) for n in range(600)))
    run(store.add_conversation("a", thread(), [(f"item_{n}", b"x") for n in range(600)]), store.take_ordinal("a", b"k"))
    run(store.add_response("b", record()), store.forget("a"))
    assert run(store.get_response("a", "resp_599"), store.find_item("a", "msg_599"), store.get_items("a", "conv_1")) == [
        None,
        None,
        [],
    ]
    assert 0 < rows(file)["responses"] < 600
    run(*(store._sweep() for _ in range(20)))
    assert {table: count for table, count in rows(file).items() if count} == {"responses": 1, "projects": 1}


def test_hearing_sweeps_too(store, file):
    run(*(store.add_response("a", record(f"resp_{n}")) for n in range(550)), store.forget_all())
    other = SqliteStore(str(file))

    async def hear():
        task = asyncio.ensure_future(store.heard())
        while rows(file)["projects"]:
            await other.tell("a")
            await asyncio.sleep(0)
            task = asyncio.ensure_future(store.heard()) if task.done() else task
        task.cancel()

    run(other.open(), asyncio.wait_for(hear(), 20), other.close())
    assert not any(rows(file).values())


def test_no_call_reads_a_table_from_end_to_end(store):
    """What is asked of the largest tables is found by an index, whatever the size."""
    from .test_outbox import delivery

    asked = set()
    run(store.open())
    store.db.execute("SELECT 1").connection.set_trace_callback(asked.add)
    run(
        store.add_response("a", record(item_ids=("msg_1",))), store.get_response("a", "resp_1"),
        store.set_progress("a", "resp_1", b"1", 0), store.find_item("a", "msg_1"), store.find_item("a", "item_1"),
        store.add_conversation("a", thread(), [("item_1", b"1")]), store.get_conversation("a", "conv_1"),
        store.change_conversation("a", thread(count=1), [("item_2", b"2")], "item_1"), store.get_items("a", "conv_1", 3, after=1),
        store.get_item("a", "conv_1", "item_2"), store.take_ordinal("a", b"k"), store.take_prefixes("a", [b"p"]),
        store.add_delivery("a", delivery()), store.outbox_targets(0.0), store.claim_delivery("a", "u", 9.0, 0.0, 1.0),
        store.hasten_deliveries("a", "resp_1", 1.0), store.drop_delivery("a", "wh_1"), store.drop_response("a", "resp_1"),
        store.get_entries("a"), store.forget("a"),
    )  # fmt: skip
    connection = store.db.execute("SELECT 1").connection
    connection.set_trace_callback(None)
    plans = [
        (statement, row[3])
        for statement in asked
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE")
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert len(plans) > 60
    assert [
        plan
        for plan in plans
        if plan[1].startswith("SCAN") and "LIMIT" not in plan[0] and "FROM" in plan[0] and "projects" not in plan[1]
    ] == []


def test_a_disk_without_room_is_not_ready_and_then_it_is(store):
    resource = pytest.importorskip("resource")
    run(store.open(), store.add_response("a", record()))
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # every write to a file fails
    try:
        found = run(store.is_ready())
        with pytest.raises(StoreError, match="its disk fails, or has no room"):
            run(store.add_response("a", record("resp_2")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found == [False]
    assert run(store.is_ready(), store.get_response("a", "resp_1"), store.get_response("a", "resp_2")) == [True, record(), None]


@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_file_that_was_deleted_under_the_server_is_begun_anew(store, file, tmp_path, caplog, is_replaced):
    other = SqliteStore(str(file))
    run(store.open(), store.add_response("a", record()), other.open(), other.add_response("a", record("resp_2")))
    for each in tmp_path.glob("store.db*"):
        each.unlink()
    if is_replaced:
        new = SqliteStore(str(file))
        run(new.open(), new.close())
    assert run(store.heard(), other.heard()) == [("*",), ("*",)]
    assert [each for each in caplog.messages if f"the file of the store, {file}, was deleted or replaced" in each]
    run(other.add_response("a", record("resp_3")))
    assert run(*(store.get_response("a", f"resp_{number}") for number in (1, 2, 3))) == [None, None, record("resp_3")]
    run(other.tell("news"))
    assert run(store.heard()) == [["news"]]
    run(other.close())
    with sqlite3.connect(file) as looked:
        assert looked.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    looked.close()


@pytest.mark.parametrize("name", [":memory:", "state.db?mode=ro"])
def test_what_is_no_name_of_a_file_is_refused(name):
    with pytest.raises(UsageError, match="behind sqlite:/// stands the name of a file, without options"):
        make_app(store=f"sqlite:///{name}")


SPOILT = {
    "entries": "UPDATE entries SET data = x'00ff'",
    "conversations": "UPDATE threads SET data = x'7b'",
    "items": "UPDATE thread_items SET data = x'7b'",
    "progress": "UPDATE responses SET progress = '{'",
    "responses": "UPDATE responses SET data = x'00ff'",
    "uploads": "UPDATE scenarios SET text = 'steps: ['",
}


@pytest.mark.parametrize("what", SPOILT)
def test_records_that_nobody_can_read_are_a_503_until_a_reset(file, caplog, what):
    with TestClient(make_app("steps: [{reply: hi}]", store=f"sqlite:///{file}"), base_url="http://127.0.0.1") as client:
        client.headers.update(KEY)
        conversation = client.post("/v1/conversations", json={"items": [{"role": "user", "content": "hi"}]}).json()["id"]
        made = client.post("/v1/responses", json={"model": "gpt-4o", "input": "x"}).json()["id"]
        yaml = {"content-type": "application/yaml"}
        client.put("/_mock/scenarios/s", content="steps: [{when: {input: never}, reply: x}]", headers=yaml)
        changed(file, SPOILT[what])
        paths = ("/_mock/requests", f"/v1/responses/{made}", f"/v1/conversations/{conversation}/items")
        answers = [client.get(path) for path in paths]
        refused = [answer for answer in answers if answer.status_code != 200]
        assert {answer.json()["error"]["code"] for answer in refused} == {"mock_store_unavailable"}
        assert client.post("/_mock/reset").status_code == 200
        assert client.post("/v1/responses", json={"model": "gpt-4o", "input": "x"}).status_code == 200
    assert "please report this" not in caplog.text
