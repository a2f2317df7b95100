"""What a page is made with: who asks, the REST API as them, what their form says, and the templates."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from app.api.auth.callers import Role
from app.api.http.problems import ProblemError
from app.console.session import guard
from app.console.session.allowed import rules_of
from app.console.session.rest import Rest
from app.console.session.sessions import Session, Sessions
from app.console.ui.forms import form_of, same_origin
from app.console.ui.rendering import rendered
from app.runtime.settings.settings import Settings


@dataclass(frozen=True)
class Desk:
    """Made for each request of somebody who is signed in."""

    request: Request
    session: Session
    rest: Rest
    form: dict[str, str]
    """What a form says; of several fields of one name, the last."""

    @property
    def settings(self) -> Settings:
        """Those of the application."""
        settings: Settings = self.request.app.state.settings
        return settings

    @property
    def is_partial(self) -> bool:
        """Whether a part of a page is asked for, by htmx, and not a page."""
        return guard.is_partial(self.request)

    def may(self, method: str, path: str) -> bool:
        """Whether the role lets the person call a route of the API, by its path as the table of roles has it.

        For what is shown only: the route itself holds the rule. Raises KeyError where there is no such route.
        """
        return rules_of(self.request.app)[method, path].lets(self.session.role)

    def least(self, method: str, path: str) -> Role | None:
        """The least role that may call a route."""
        return rules_of(self.request.app)[method, path].least

    def page(self, template: str, *, status: int = 200, **told: Any) -> HTMLResponse:
        """A page, or a part of one, from a template."""
        return rendered(self.request, template, self.session, status=status, desk=self, **told)


async def session_of(request: Request) -> Session:
    """Whose request it is. Raises SignInNeededError."""
    sessions: Sessions = request.app.state.sessions
    if (session := sessions.of(request)) is None:
        raise guard.SignInNeededError
    return session


async def desk_of(
    request: Request,
    session: Annotated[Session, Depends(session_of)],
    form: Annotated[dict[str, str], Depends(form_of)],
) -> Desk:
    """The desk. What changes something has to come from a form of this session."""
    request.state.caller = session.caller
    if request.method != "GET":
        same_origin(request)
        sessions: Sessions = request.app.state.sessions
        told = request.headers.get("x-form-token") or form.get("form_token", "")
        if not sessions.is_form_token(session, told):
            detail = "The form is of another session: open the page anew. Nothing was done."
            raise ProblemError(403, "other_session", detail)
    fields = {name: value for name, value in form.items() if name != "form_token"}
    return Desk(request, session, Rest(request.app, session.caller, request), fields)


AtDesk = Annotated[Desk, Depends(desk_of)]
