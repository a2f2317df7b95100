"""docs/licences.md is current, and no licence in it asks anything of us that we do not do."""

import ast
from pathlib import Path

import pytest

from tools.licences import RUN_ONLY, Package, imported, needed, page, run_only

ROOT = Path(__file__).parents[2]


def test_the_licence_page_is_current() -> None:
    assert (ROOT / "docs" / "licences.md").read_text() == page(), "run `make licences`"


def test_every_dependency_has_a_licence_and_none_is_copyleft() -> None:
    packages = imported()
    assert {"fastapi", "eventsourcing", "psycopg-binary", "uvicorn"} <= {each.name for each in packages}
    assert [each for each in packages if each.is_copyleft or each.licence == "unknown"] == []


@pytest.mark.parametrize(
    ("licence", "is_copyleft"),
    [
        ("GPL-2.0-only AND CC-BY-4.0", True),
        ("AGPL-3.0-or-later", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("GNU Affero General Public License v3", True),
        ("SSPL-1.0", True),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MIT", False),
        ("MIT AND GPL-3.0-only", True),
    ],
)
def test_copyleft_licences_are_recognised(licence: str, is_copyleft: bool) -> None:
    assert Package("x", "1", licence).is_copyleft is is_copyleft


def test_the_embedded_servers_are_needed_by_their_extra_alone_and_never_imported() -> None:
    assert not set(RUN_ONLY) & needed("billie-servicing")
    assert set(RUN_ONLY) <= needed("billie-servicing", ["embedded"])
    assert any(each.is_copyleft for each in run_only())
    names = {
        name.partition(".")[0]
        for path in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported_by(node)
    }
    assert "redis" in names
    assert not {each for each in names if each.startswith(("secantus", "falkordb", "fiftyone"))}


def _imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
