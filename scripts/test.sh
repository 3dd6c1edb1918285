#!/usr/bin/env bash
# Static checks, then one pytest run; arguments go to pytest. The last line is pytest's own summary.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/environment.sh test
scripts/system.sh
mkdir -p build
# A failed check does not stop the tests: the run prints the table of both and fails at its end.
scripts/static.sh build/static.tsv || true
STATIC_RESULTS=build/static.tsv exec "${VENV:-.venv}/bin/python" -m pytest \
  -n "${WORKERS:-2}" --dist loadgroup -q "$@"
