#!/usr/bin/env bash
# Install the system packages that the tests need, where this machine allows it.
set -euo pipefail
cd "$(dirname "$0")/.."
"$(dirname "$0")/node.sh"

has_postgres() {
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null
}

has_openmp() {
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | grep -q 'libgomp\.so\.1'
}

has_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null; }

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# The browser suite drives it; where it cannot be installed, its tests fail and say so.
if ! has_chromium && can_install; then
  echo "Installing Chromium for the browser tests (apt-get)" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2 && apt-get install -qq --yes --no-install-recommends chromium >&2 || true
fi
# axe-core judges how accessible the pages are; npm brings the one file that is needed.
axe=4.14.1
if ! grep -qs "\"version\": \"$axe\"" build/npm/node_modules/axe-core/package.json; then
  if ! command -v npm >/dev/null && can_install; then
    apt-get update -qq >&2 && apt-get install -qq --yes --no-install-recommends npm >&2 || true
  fi
  npm install --prefix build/npm --no-save --no-audit --no-fund --silent "axe-core@$axe" >&2 || true
fi
# LightGBM needs it; where it cannot be installed, the tests that fit LightGBM fail by name.
if ! has_openmp && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing libgomp1 for LightGBM (apt-get)" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2 && apt-get install -qq --yes --no-install-recommends libgomp1 >&2 || true
fi
# The tests of faults kill at the N-th system call with it.
if ! command -v strace >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing strace for the tests of faults (apt-get)" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2 && apt-get install -qq --yes --no-install-recommends strace >&2 || true
fi
# The documentation of the prediction server shows curl, and a test runs what it shows.
if ! command -v curl >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing curl for the examples of the documentation (apt-get)" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2 && apt-get install -qq --yes --no-install-recommends curl >&2 || true
fi
if has_postgres; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing PostgreSQL for the tests (apt-get)" >&2
  export DEBIAN_FRONTEND=noninteractive
  if apt-get update -qq >&2 && apt-get install -qq --yes --no-install-recommends postgresql >&2 && has_postgres; then
    exit 0
  fi
fi
echo "PostgreSQL is not installed, and this user cannot install it: the tests marked postgres will fail." >&2
echo "Install it (Debian, Ubuntu: sudo apt-get install postgresql) and run again." >&2
