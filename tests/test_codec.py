"""Records come back from bytes as they were."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockapi.scenario.context import Call, Context, ToolOutput
from mockapi.scenario.match import Known
from mockapi.stores import codec
from mockapi.stores.records import ConversationRecord, Delivery, EndpointRecord, Entry, ResponseRecord, Turn

CONTEXT = Context(
    2,
    True,
    "é\n",
    True,
    False,
    "s",
    (ToolOutput("n", "c", "o"),),
    (True,),
    (("t", "c"),),
    "rs_1",
    "p",
    {"c": Call("function_call", "n")},
    7,
)
TURN = Turn("resp_1", 12.5, (("msg_1", b"{}\n"), ("msg_2", b"")), 3, "prefix", False, False)
ENTRY = Entry(
    "req_1",
    1.0,
    2.0,
    "responses.create",
    "POST",
    "/v1/responses",
    "a=b",
    {"x": "y"},
    b"\xff\n",
    None,
    b"",
    advice={"retry-after": "1"},
)
RECORDS = [
    (codec.response_to, codec.response_from, ResponseRecord("resp_1", b"p\nq", b"\x00", b"c", b"[]", "resp_0", "conv_1", 4, ("msg_1", "msg_2"), 2, "stem")),
    (codec.conversation_to, codec.conversation_from, ConversationRecord("conv_1", 1.5, b"{}", b"c", TURN, True, 9, 4)),
    (codec.conversation_to, codec.conversation_from, ConversationRecord("conv_1", 1.5, b"{}", b"c")),
    (codec.entry_to, codec.entry_from, ENTRY),
    (codec.entry_to, codec.entry_from, ENTRY._replace(known=Known(CONTEXT, "gpt-4o", None, True), plan=b"plan", last_event=3, has_left=True)),
    (codec.endpoint_to, codec.endpoint_from, EndpointRecord("we_1", 1.0, "n", "http://a", ("response.completed",), "whsec", 2.0, "old", 3.0, 1)),
    (codec.delivery_to, codec.delivery_from, Delivery("wh_1", "resp_1", "http://a", "s", inf, ("response.completed",), body=b"{}\n", ordinal=3, version=2, claim=1)),
    (codec.delivery_to, codec.delivery_from, Delivery("wh_1", "resp_1", "http://a", "s", 12.25, ())),
]  # fmt: skip


@pytest.mark.parametrize(("to", "back", "record"), RECORDS, ids=lambda value: type(value).__name__)
def test_a_record_comes_back_as_it_was(to, back, record):
    data = to(record)
    assert isinstance(data, bytes)
    assert back(data) == record
    assert type(back(data)) is type(record)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text() | st.binary(),
    lambda each: (
        st.lists(each) | st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), each)
    ),
)


@given(VALUES)
def test_anything_of_json_and_bytes_is_packed(value):
    assert codec.unpack(codec.pack(value)) == value


@pytest.mark.parametrize("cut", [1, 3])
def test_cut_bytes_are_refused(cut):
    with pytest.raises(ValueError, match="cut or is of another kind"):
        codec.unpack(codec.pack([b"abc", "x"])[:-cut])
