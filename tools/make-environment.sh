#!/bin/sh
# Makes the virtual environment named by the first argument from the lock file, and installs the
# project into it. Says one line; on a failure, everything that pip said.
set -eu
venv=$1
python=
for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Billie Servicing needs Python 3.11, 3.12 or 3.13, and none of them is on the PATH." >&2
    exit 1
fi
echo "Making the environment in $venv ($("$python" --version)); this takes a minute or two, once."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$python" -m venv --clear "$venv"
if ! { "$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r requirements.lock &&
    "$venv/bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
touch "$venv/installed"
