"""Any message that the SDK builds is read by our consumer as what was built, under the same identity."""

from hypothesis import given, settings

from app.ingestion.messages.catalogue import read_entry
from app.sdk import Message, Payload
from tests.unit.sdk.built import messages


@settings(max_examples=400)
@given(messages())
def test_a_built_message_is_read_unchanged(built: tuple[Message, Payload]) -> None:
    message, payload = built
    fields = {name.encode(): value.encode() for name, value in message.fields().items()}
    ids = (b"253402300799999-0", b"253402300799999-1")
    reads = [read_entry("inbox", entry_id, fields, 10**6) for entry_id in ids]
    for read in reads:
        assert read is not None
        assert read.payload == payload == message.payload
        assert read.unreadable == []
    one, two = (read.envelope for read in reads if read is not None)
    assert one.source.message_id == two.source.message_id
    assert one.source.message_id.startswith(("id:", "digest:"))
    assert (one.conversation, one.user) == ("V1", "C1")


@settings(max_examples=200)
@given(messages())
def test_a_read_message_is_written_unchanged(built: tuple[Message, Payload]) -> None:
    message, _ = built
    again = Message(message.type, message.payload, event_id=message.event_id, conversation="V1")
    assert again.fields()["dat"] == message.fields()["dat"]
