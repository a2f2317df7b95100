"""Pages from templates, for somebody who is signed in or nobody."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.console.session.sessions import Session, Sessions
from app.console.ui import formats, navigation
from app.console.ui.templating import now, templates
from app.runtime.settings.settings import Settings

ZONE_COOKIE = "billie-zone"
"""The viewer's time zone, as the browser's script tells it."""


def rendered(
    request: Request, template: str, session: Session | None, *, status: int = 200, **told: Any
) -> HTMLResponse:
    """A page, or a part of one. What every template has besides ``told`` stands here."""
    settings: Settings = request.app.state.settings
    sessions: Sessions = request.app.state.sessions
    text = (
        templates()
        .get_template(template)
        .render(
            person=session,
            form_token=sessions.form_token(session) if session else "",
            zone=formats.zone_of(request.cookies.get(ZONE_COOKIE), settings.business_time_zone),
            now=now(),
            here=request.url.path,
            sign_in=settings.console,
            navigation=navigation.links_of(request.app, session),
            **told,
        )
    )
    return HTMLResponse(text, status)
