"""Notes: written and amended in the drawer."""

import asyncio

from fastapi.responses import Response

from app.aggregates.contact_note import LONGEST_CONTENT, LONGEST_SUBJECT, NotePriority, NoteType, Sentiment
from app.console.pages.loan_lookups import customer_summary
from app.console.pages.money.actions import form_key
from app.console.session.rest import Json
from app.console.ui.page import Context, PageContext, page_router

router = page_router()

_FIELDS = ("noteType", "subject", "content", "priority", "sentiment", "loanAccountId")
_DEFAULTS = {"noteType": "phone_inbound", "priority": "normal", "sentiment": "neutral"}


@router.get("/customers/{customer_id}/note")
async def get_note_form(context: Context, customer_id: str) -> Response:
    """The form for a new note."""
    return await _form(context, customer_id, _DEFAULTS)


@router.post("/customers/{customer_id}/note")
async def write_note(context: Context, customer_id: str) -> Response:
    """Save a new note."""
    return await _save(context, customer_id)


@router.get("/notes/{note_id}/amendment")
async def get_amendment_form(context: Context, note_id: str) -> Response:
    """The form for an amendment, filled with the current note."""
    note = await context.rest.get("/v1/notes/{}", note_id)
    return await _form(context, note["customerId"], note, note)


@router.post("/notes/{note_id}/amendment")
async def amend_note(context: Context, note_id: str) -> Response:
    """Save an amendment."""
    amended = await context.rest.get("/v1/notes/{}", note_id)
    return await _save(context, amended["customerId"], amended)


async def _save(context: PageContext, customer_id: str, amends: Json | None = None) -> Response:
    """Saves a note and closes the drawer with a message, or shows the form again with what is wrong."""
    note, path, identifier = _note_of(context.form), "/v1/customers/{}/notes", customer_id
    if errors := _errors(note):
        return await _form(context, customer_id, note, amends, errors=errors)
    body = note
    if amends is not None:
        path, identifier = "/v1/notes/{}/amendments", amends["noteId"]
        body = note | {"loanAccountId": note.get("loanAccountId")}  # None removes the link.
    answer = await context.rest.post(path, identifier, body=body, key=form_key(context.form))
    if answer.is_problem:
        return await _form(context, customer_id, note, amends, problem=answer.body)
    text = "Note saved." if answer.status == 201 else "Note saved. It will appear shortly."
    toast = context.render("toast.html", text=text)
    toast.headers.update({"HX-Trigger": "note-saved", "HX-Retarget": "#toast", "HX-Reswap": "innerHTML"})
    return toast


async def _form(
    context: PageContext,
    customer_id: str,
    form: Json,
    amends: Json | None = None,
    *,
    errors: Json | None = None,
    problem: Json | None = None,
) -> Response:
    accounts, customer = await asyncio.gather(
        context.rest.items("/v1/loan-accounts", customerId=customer_id, fields="accountNumber"),
        customer_summary(context, customer_id),
    )
    return context.render(
        "notes/note_form.html",
        status=problem["status"] if problem else 422 if errors else 200,
        customer=customer,
        customer_id=customer_id,
        key=form_key(context.form),
        form=form,
        amends=amends,
        errors=errors or {},
        problem=problem,
        accounts=accounts,
        types=list(NoteType),
        priorities=list(NotePriority),
        sentiments=list(Sentiment),
        max_subject=LONGEST_SUBJECT,
    )


def _note_of(form: dict[str, str]) -> Json:
    """The note in a form, with plain line ends: browsers send CR LF."""
    fields = {name: form.get(name, "").replace("\r\n", "\n") for name in _FIELDS}
    return {name: value for name, value in fields.items() if value.strip()}


def _errors(note: Json) -> Json:
    missing = {"subject": "Enter a subject.", "content": "Enter the note."}
    errors = {name: message for name, message in missing.items() if name not in note}
    if (length := len(note.get("content", ""))) > LONGEST_CONTENT:
        errors["content"] = f"At most {LONGEST_CONTENT:,} characters; this has {length:,}."
    return errors
