"""A browser without scripts, for tests of the console: cookies, forms, and parts of pages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any, Self

import httpx

from app.console.application import create_app
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.waiting import LONG_S

_TOKEN = re.compile(r'"X-Form-Token": "([^"]+)"')
_FIELD = re.compile(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"')


class Visitor:
    """A browser of one person."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=2 * LONG_S)
        self.token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.client.close()

    def sign_in(self, name: str = "Ann Lee", role: str = "operations") -> httpx.Response:
        """Sign in by name and role; the form token is read from the next page."""
        form = {"name": name, "role": role, "next": "/search"}
        answer = self.client.post("/sign-in", data=form, headers={"Origin": self.url}, follow_redirects=True)
        if found := _TOKEN.search(unescape(answer.text)):
            self.token = found[1]
        return answer

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """A page."""
        return self.client.get(path, params=parameters or None)

    def part(self, path: str, **headers: str) -> httpx.Response:
        """A part of a page, as htmx asks for it."""
        return self.client.get(path, headers={"HX-Request": "true"} | headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        """A form, as htmx sends it from the drawer."""
        sent = {
            "HX-Request": "true",
            "HX-Target": "drawer-body",
            "Origin": self.url,
            "X-Form-Token": self.token,
        }
        return self.client.post(path, data=form, headers=sent | headers)


def fields_of(page: str) -> dict[str, str]:
    """The hidden and filled fields of a form."""
    return {name: unescape(value) for name, value in _FIELD.findall(page)}


@contextmanager
def console(settings: Settings) -> Iterator[str]:
    """Serve the API with its console; yields its base URL."""
    with serving(settings, create_app(settings)) as url:
        yield url


@contextmanager
def console_at(port: int, settings: Settings) -> Iterator[str]:
    """The same on a given port: an issuer has to know the console's address."""
    with serving(settings, create_app(settings), port) as url:
        yield url
