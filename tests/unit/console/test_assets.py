"""Vendored files are unchanged; our own scripts and templates obey the policy."""

import re
from hashlib import sha256

import pytest

from app.console.ui.assets import addresses, assets
from app.console.ui.page import FOLDERS

OTHERS = {
    "vendor/htmx-2.0.11.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "vendor/htmx-LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
}


@pytest.mark.parametrize(("name", "digest"), OTHERS.items())
def test_vendored_files_are_unchanged(name: str, digest: str) -> None:
    assert sha256(assets()[name].content).hexdigest() == digest


def test_vendored_files_are_listed_with_their_licences() -> None:
    said = assets()["vendor/README.md"].content.decode()
    found = {name for name in assets() if name.startswith("vendor/")} - {"vendor/README.md"}
    assert found == OTHERS.keys()
    for name in found:
        assert name.removeprefix("vendor/") in said


def test_asset_addresses_hold_the_contents_hash() -> None:
    assert addresses()["console.css"] == f"/assets/console.css?v={assets()['console.css'].version}"
    assert addresses().keys() == assets().keys()
    base = (FOLDERS[1] / "base.html").read_text()
    assert set(re.findall(r"assets\['([^']+)'\]", base)) < addresses().keys()


def test_templates_obey_the_policy_and_escape_every_value() -> None:
    found = [each for folder in FOLDERS for each in folder.rglob("*.html")]
    assert len(found) > 20
    for each in found:
        text = each.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|\|\s*safe\b|autoescape", text), (
            each.name
        )
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), each.name
        assert not re.search(r"""(src|href)=["'](https?:)?//""", text), each.name
        assert "hx-vals='js:" not in text


def test_our_scripts_never_parse_text_as_markup() -> None:
    for name, asset in assets().items():
        if name.endswith(".js") and not name.startswith("vendor/"):
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b|document\.write", asset.content.decode()
            )
