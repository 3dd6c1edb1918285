#!/usr/bin/env bash
# Run every static check, the later ones also when an earlier one failed.
# With a file name, one line per check goes there: name, seconds, verdict.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=${VENV:-.venv}/bin
results=${1:-/dev/null}
failed=()
: >"$results"

check() {
  local name=$1 started=$EPOCHREALTIME output verdict=ok
  shift
  if ! output=$("$@" 2>&1); then
    verdict=FAILED
    failed+=("$name")
    printf '%s\n' "--- $name" "$output"
  fi
  printf '%s\t%s\t%s\n' "$name" "$(seconds "$started")" "$verdict" >>"$results"
  printf '%-12s %6s s  %s\n' "$name" "$(seconds "$started")" "$verdict"
}

seconds() { LC_ALL=C awk -v a="${1/,/.}" -v b="${EPOCHREALTIME/,/.}" 'BEGIN { printf "%.1f", b - a }'; }

# A folder that holds no Python yet is an error for mypy.
typed() {
  local folder
  for folder in calmops_flows dashboard blocks tests benchmarks scripts; do
    if [ -n "$(find "$folder" -name '*.py' -print -quit 2>/dev/null)" ]; then
      echo "$folder"
    fi
  done
}

mapfile -t folders < <(typed)
check ruff "$bin/ruff" check .
check format "$bin/ruff" format --check .
check mypy "$bin/mypy" "${folders[@]}"
check layers "$bin/lint-imports" --no-cache --no-logo
check vulture "$bin/vulture"
check deptry "$bin/deptry" .
check docstrings find calmops_flows -name "*.py" -not -path "*/migrations/*" -exec "$bin/python" -m numpydoc lint {} +

if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}"
  exit 1
fi
