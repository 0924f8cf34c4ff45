#!/bin/sh
# All GPU checks, in eight minutes, on one GPU and without a network: tests/gpu, then
# `python -m benchmarks gpu`. Without a usable GPU both fail.
#
#   scripts/gpu_checks.sh                  results go to build/gpu, or to the folder OUT names
#   PYTHON=python3 scripts/gpu_checks.sh   another environment than .venv
#   TINY=1 scripts/gpu_checks.sh           tries the script on the CPU; measures nothing
set -u
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-.venv/bin/python}
OUT=${OUT:-build/gpu}
mkdir -p "$OUT" || exit 1
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 PYTHONUNBUFFERED=1

if [ -n "${TINY:-}" ]; then
    exec "$PYTHON" -m benchmarks gpu --tiny --seconds 600 --out "$OUT"
fi

export SIGHTLINE_GPU=1
timeout -s INT -k 10 95 "$PYTHON" -m pytest -m gpu -q tests/gpu >"$OUT/tests.log" 2>&1
tests=$?
tail -n 40 "$OUT/tests.log"
timeout -s INT -k 10 380 "$PYTHON" -m benchmarks gpu --out "$OUT"
figures=$?
[ "$tests" -eq 0 ] && [ "$figures" -eq 0 ]
