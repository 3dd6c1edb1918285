#!/usr/bin/env bash
# Make the virtual environment hold what `demo` or `test` needs; return at once when it already does.
set -euo pipefail
cd "$(dirname "$0")/.."

want=${1:?usage: scripts/environment.sh demo|test}
venv=${VENV:-.venv}
python=$venv/bin/python

stamp() { echo "$venv/.holds-$1"; }

# The path is part of the key: an environment does not survive being moved.
key=$({ echo "$PWD $venv"; cat pyproject.toml requirements.lock scripts/environment.sh; } | cksum)

holds() { [ -x "$python" ] && [ "$(cat "$(stamp "$1")" 2>/dev/null)" = "$key" ]; }

if holds test || holds "$want"; then
  exit 0
fi

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.11 python3.12 python3 python; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
      >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  echo "No Python 3.11 or 3.12 with the modules venv and ensurepip was found on PATH." >&2
  echo "Install one (Debian, Ubuntu: apt-get install python3.11 python3.11-venv) or set PYTHON to its path." >&2
  return 1
}

# uv is many times faster than pip but reads none of pip's settings, so pip stays the way out.
find_uv() {
  command -v uv && return
  [ -x "$venv/bin/uv" ] || "$python" -m pip install --quiet uv >&2 || return 1
  echo "$venv/bin/uv"
}

install() {
  local uv
  if uv=$(find_uv) && "$uv" pip install --quiet --python "$python" "$@"; then
    return
  fi
  echo "uv could not install the packages here; pip tries" >&2
  "$python" -m pip install --quiet "$@"
}

if ! "$python" -m pip --version >/dev/null 2>&1; then
  found=$(find_python)
  rm -rf "$venv"
  "$found" -m venv "$venv"
fi

echo "Installing into $venv for '$want' (once; about a minute)" >&2
if [ "$want" = test ]; then
  install -r requirements.lock -e .
else
  install -c requirements.lock -e '.[demo]'
fi
echo "$key" >"$(stamp "$want")"
