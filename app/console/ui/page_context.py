"""The page context: the signed-in person, the REST API as them, their form, and the templates."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from app.console.session.guard import FormOf, SessionOf, check_form, console_of
from app.console.session.rest import Rest, allowed_routes
from app.console.session.sessions import Session
from app.console.ui import formats
from app.console.ui.navigation import LINKS
from app.console.ui.templating import templates
from app.runtime.settings.settings import Settings

ZONE_COOKIE = "billie-zone"
"""The viewer's time zone, set by the browser's script."""


@dataclass(frozen=True)
class PageContext:
    """Made for each request of a signed-in person."""

    request: Request
    session: Session
    rest: Rest
    form: dict[str, str]

    @property
    def settings(self) -> Settings:
        """The application's settings."""
        return console_of(self.request).settings

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return is_partial(self.request)

    def render(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, or a part of one, from a template."""
        return render(self.request, template, self.session, status=status, **values)


async def page_context(request: Request, session: SessionOf, form: FormOf) -> PageContext:
    """The page context; a change must come from a form of this session."""
    request.state.caller = session.caller
    if request.method != "GET":
        check_form(request, session, form)
    fields = {name: value for name, value in form.items() if name != "form_token"}
    return PageContext(request, session, Rest(request, session.caller), fields)


Context = Annotated[PageContext, Depends(page_context)]


def is_partial(request: Request) -> bool:
    """Whether htmx asks for a part of a page."""
    return "hx-request" in request.headers


def render(
    request: Request, template: str, session: Session | None, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page, or a part of one, for a signed-in person or nobody."""
    console = console_of(request)
    allowed = allowed_routes(request.app, session.role) if session else frozenset()
    text = (
        templates()
        .get_template(template)
        .render(
            person=session,
            form_token=console.sessions.form_token(session) if session else "",
            zone=formats.zone_of(request.cookies.get(ZONE_COOKIE), console.settings.business_time_zone),
            here=request.url.path,
            settings=console.settings,
            navigation=[each for each in LINKS if ("GET", each.needs) in allowed],
            **values,
        )
    )
    return HTMLResponse(text, status)
