#!/usr/bin/env bash
# Install what the tests take from npm (tests/node/package.json) into build/node; at once when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=build/node
key=$(cksum <tests/node/package.json)
if [ "$(cat $folder/.holds 2>/dev/null)" = "$key" ]; then
  exit 0
fi
if ! command -v npm >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Node.js for the tests of services (apt-get)" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2 && apt-get install -qq --yes --no-install-recommends nodejs npm >&2 || true
fi
if ! command -v npm >/dev/null; then
  echo "npm is not installed, and this user cannot install it: the tests of PM2 and Compose will fail." >&2
  exit 0
fi
mkdir -p $folder
cp tests/node/package.json $folder
if npm install --prefix $folder --no-package-lock --ignore-scripts --no-audit --no-fund --silent >&2; then
  echo "$key" >$folder/.holds
else
  echo "npm could not install tests/node/package.json: the tests of PM2 and Compose will fail." >&2
fi
