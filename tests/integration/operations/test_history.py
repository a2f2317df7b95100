"""The events of one aggregate, and a document as it was: ``billie history``."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.aggregates import Customer, LoanAccount
from app.event_store.application import Servicing
from app.projections.engine.reading import EventReader
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.one_document import document_as_of
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.data.given import Step, absorb, message


def step(kind: type, identifier: str, command: str, number: int, **arguments: object) -> Step:
    return Step(kind, identifier, command, message(f"m{number}", at=number), arguments)


@pytest.fixture
def times(settings: Settings) -> list[datetime]:
    """A customer and a loan account, one piece of news after the other; and when each was recorded."""
    servicing, recorded = Servicing.from_url(settings.event_store_url), []
    for news in (
        [step(Customer, "C1", "report_details", 1, first_name="Ann", last_name="Lee")],
        [step(LoanAccount, "L1", "open", 2, customer_id="C1")],
        [step(Customer, "C1", "report_details", 3, last_name="Moss")],
    ):
        absorb(servicing, news)
        recorded.append(datetime.now(UTC))
    servicing.close()
    return recorded


@pytest.mark.usefixtures("times")
def test_events_are_listed_oldest_first_with_their_source(billie: Billie) -> None:
    lines = billie.run("history", "customer", "C1").splitlines()
    assert [line.split()[3].rstrip(":") for line in lines] == ["Registered", "NameChanged", "NameChanged"]
    assert "lastName Moss" in lines[2]
    assert lines[2].endswith("[m3]")
    first = json.loads(billie.run("history", "customer", "C1", "--json").splitlines()[0])
    assert first["source"]["messageId"] == "m1"
    assert first["position"] == 1


def test_a_document_as_of_a_time_is_as_it_was_known(
    settings: Settings, times: list[datetime], billie: Billie
) -> None:
    def customer_name(moment: datetime) -> str | None:
        servicing = Servicing.from_url(settings.event_store_url)
        accounts = all_projections(settings)["loan-accounts"]
        reader = EventReader(servicing, accounts.topics(), "test")
        document = document_as_of(accounts, reader, "L1", moment)
        servicing.close()
        return document["customerName"] if document else None

    assert [customer_name(moment) for moment in times] == [None, "Ann Lee", "Ann Moss"]
    shown = json.loads(billie.run("history", "loan-account", "L1", "--as-of", times[1].isoformat()))
    assert (shown["_id"], shown["customerName"]) == ("L1", "Ann Lee")
    assert "_position" not in shown


def test_a_missing_history_is_reported(times: list[datetime], billie: Billie) -> None:
    nobody = billie.end("history", "customer", "nobody")
    assert (nobody.returncode, "No events of customer nobody" in nobody.stderr) == (1, True)
    before = billie.end("history", "customer", "C1", "--as-of", str(times[0] - timedelta(days=1)))
    assert (before.returncode, "by 20" in before.stderr) == (1, True)
    wrong = billie.end("history", "costumer", "C1")
    assert (wrong.returncode, "there are customer, loan-account" in wrong.stderr) == (2, True)
    assert billie.end("history", "customer", "C1", "--as-of", "yesterday").returncode == 2
