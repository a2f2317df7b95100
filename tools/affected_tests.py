"""The unit tests of ``make check``: those that import what changed, directly or not.

Prints their paths. What changed is what differs from the commit that is given, ``HEAD`` by default. Tests of
documents and deployment always count, and all tests where fixtures, data files or dependencies changed.
"""

import subprocess
import sys
from pathlib import Path

import grimp

ALL = "tests/unit"
_OF_NOBODY = ("docs/", "deploy/", "bench/", "tools/", ".ci/", "README", "CHANGELOG", "CONTRIBUTING")
"""What no unit test imports: those of documents and deployment read it."""


def affected(changed: set[str]) -> list[str]:
    """Paths of tests, by paths of changed files; both relative to the repository."""
    graph = grimp.build_graph("app", "tests", cache_dir=None)
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in changed}
    others = {path for path in changed if not path.endswith(".py") and not path.startswith(_OF_NOBODY)}
    if others or any(path.endswith("conftest.py") for path in changed):
        return [ALL]
    found = set(modules & graph.modules)
    for module in modules & graph.modules:
        found |= graph.find_downstream_modules(module)
    paths = {f"{module.replace('.', '/')}.py" for module in found if module.startswith("tests.unit.")}
    always = {str(path) for path in Path(ALL).glob("test_*.py")}
    return sorted(always | {path for path in paths if Path(path).name.startswith("test_")})


def changed_since(commit: str) -> set[str]:
    """Paths of files that differ from it, new ones included."""
    asked = (("diff", "--name-only", commit), ("ls-files", "--others", "--exclude-standard"))
    return {
        path
        for arguments in asked
        for path in subprocess.run(
            ("git", *arguments), capture_output=True, text=True, check=True
        ).stdout.splitlines()
    }


if __name__ == "__main__":
    print(*affected(changed_since(*(sys.argv[1:] or ["HEAD"]))))
