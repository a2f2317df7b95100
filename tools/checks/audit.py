"""Asks for the known vulnerabilities of every package in a lock file, by pip-audit.

Exits with 1 for any vulnerability, and for a package that could not be looked up while others could.
Where the advisories cannot be asked at all, says so, loudly, and exits with 0: nothing was audited then.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ \\;]+)", re.MULTILINE)


def pins(lock: str) -> list[str]:
    """``name==version`` of each package, for any system."""
    return [f"{name}=={version}" for name, version in _PIN.findall(lock)]


def audited(requirements: list[str]) -> list[dict[str, Any]] | None:
    """What pip-audit found for each; None where it got no answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(requirements))
        file.flush()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip_audit", "-r", file.name, "--no-deps", "--disable-pip"),
                *("--progress-spinner", "off", "--format", "json"),
            ],
            capture_output=True,
            text=True,
        )
    found: list[dict[str, Any]] | None = json.loads(done.stdout)["dependencies"] if done.stdout else None
    if found is None:
        sys.stderr.write(done.stderr)
    return found


def judged(found: list[dict[str, Any]]) -> list[str]:
    """What is wrong, a line each."""
    wrong = [f"{each['name']}: {each['skip_reason']}" for each in found if "skip_reason" in each]
    for each in found:
        for flaw in each.get("vulns", ()):
            mended = ", ".join(flaw["fix_versions"]) or "no version yet"
            wrong.append(f"{each['name']} {each['version']}: {flaw['id']}, mended in {mended}")
    return wrong


def main(lock: Path) -> int:
    """Audit a lock file; the exit code."""
    wanted = pins(lock.read_text())
    # One is asked for first: where nobody answers, the others need not be.
    first = audited(wanted[:1])
    if first is None or "skip_reason" in first[0]:
        print(
            f"NOTICE: {len(wanted)} packages are NOT audited for known vulnerabilities: "
            "the advisories cannot be asked from here.",
            file=sys.stderr,
        )
        return 0
    found = audited(wanted)
    wrong = judged(found) if found is not None else ["pip-audit did not end well"]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(wanted)} packages audited: {len(wrong)} findings.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
