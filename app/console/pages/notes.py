"""Notes: written, and amended, in the drawer."""

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from app.aggregates.contact_note import LONGEST_CONTENT, LONGEST_SUBJECT, NotePriority, NoteType, Sentiment
from app.console.pages import people
from app.console.pages.actions import key_of, new_key
from app.console.session.guard import PageRoute
from app.console.session.rest import Answer
from app.console.ui.formats import quoted
from app.console.ui.page_context import AtDesk, Desk

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_FIELDS = ("noteType", "subject", "content", "priority", "sentiment", "loanAccountId")
_BEGINNING = {"noteType": "phone_inbound", "priority": "normal", "sentiment": "neutral"}
_DONE = "noted"

Told = dict[str, Any]


@router.get("/customers/{customer_id}/note")
async def get_note_form(desk: AtDesk, customer_id: str) -> Response:
    """The form of a new note."""
    return await _form(desk, customer_id, _BEGINNING, f"/customers/{customer_id}/note")


@router.post("/customers/{customer_id}/note")
async def write_note(desk: AtDesk, customer_id: str) -> Response:
    """Write it down."""
    told, address = _told(desk), f"/customers/{quoted(customer_id)}/note"
    if faults := _faults(told):
        return await _form(desk, customer_id, told, address, faults=faults)
    key = key_of(desk.form.get("key")) or new_key()
    answer = await desk.rest.post("/v1/customers/{}/notes", customer_id, body=told, key=key)
    return await _written(desk, customer_id, told, address, answer)


@router.get("/notes/{note_id}/amendment")
async def get_amendment_form(desk: AtDesk, note_id: str) -> Response:
    """The form of a note that takes the place of another, with what that one says."""
    note = await desk.rest.get("/v1/notes/{}", note_id)
    return await _form(desk, note["customerId"], note, f"/notes/{note_id}/amendment", amends=note)


@router.post("/notes/{note_id}/amendment")
async def amend_note(desk: AtDesk, note_id: str) -> Response:
    """Write down what amends it."""
    note = await desk.rest.get("/v1/notes/{}", note_id)
    told, address = _told(desk), f"/notes/{quoted(note_id)}/amendment"
    if faults := _faults(told):
        return await _form(desk, note["customerId"], told, address, amends=note, faults=faults)
    key = key_of(desk.form.get("key")) or new_key()
    body = told | {"loanAccountId": told.get("loanAccountId")}  # None takes the link away.
    answer = await desk.rest.post("/v1/notes/{}/amendments", note_id, body=body, key=key)
    return await _written(desk, note["customerId"], told, address, answer, amends=note)


async def _form(
    desk: Desk,
    customer_id: str,
    form: Told,
    address: str,
    *,
    amends: Told | None = None,
    faults: Told | None = None,
    problem: Told | None = None,
) -> Response:
    accounts, customer = await asyncio.gather(
        desk.rest.get("/v1/loan-accounts", customerId=customer_id, fields="accountNumber"),
        people.customer_of(desk, customer_id),
    )
    return desk.page(
        "note_form.html",
        status=problem["status"] if problem else 422 if faults else 200,
        address=address,
        customer=customer,
        customer_id=customer_id,
        key=key_of(desk.form.get("key")) or new_key(),
        form=form,
        amends=amends,
        faults=faults or {},
        problem=problem,
        accounts=accounts["items"],
        types=list(NoteType),
        priorities=list(NotePriority),
        sentiments=list(Sentiment),
        longest_subject=LONGEST_SUBJECT,
    )


async def _written(
    desk: Desk, customer_id: str, told: Told, address: str, answer: Answer, *, amends: Told | None = None
) -> Response:
    """The drawer is done with, and says so; or the form again, with the problem."""
    if answer.is_problem:
        return await _form(desk, customer_id, told, address, amends=amends, problem=answer.body)
    said = "The note is written." if answer.status == 201 else "The note is stored, and is shown shortly."
    done = desk.page("done.html", said=said)
    done.headers["HX-Trigger"] = _DONE
    done.headers["HX-Retarget"], done.headers["HX-Reswap"] = "#said", "innerHTML"
    return done


def _told(desk: Desk) -> Told:
    """What the form says. Browsers send line ends as CR LF; what is written down has plain ones."""
    told = {name: desk.form.get(name, "").replace("\r\n", "\n") for name in _FIELDS}
    return {name: value for name, value in told.items() if value.strip()}


def _faults(told: Told) -> Told:
    faults = {}
    if "subject" not in told:
        faults["subject"] = "Say in a few words what it is about."
    if len(told.get("content", "")) > LONGEST_CONTENT:
        faults["content"] = f"At most {LONGEST_CONTENT:,} characters; this has {len(told['content']):,}."
    if "content" not in told:
        faults["content"] = "Write down what was said."
    return faults
