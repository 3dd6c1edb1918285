#!/usr/bin/env bash
# Write requirements.lock: plain pins for Python 3.11 and 3.12, without the address of any index.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${VENV:-.venv}
[ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet uv
"$venv/bin/uv" pip compile pyproject.toml --all-extras --group test --group lint --universal \
  --python-version 3.11 --upgrade --quiet --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
  --output-file requirements.lock
