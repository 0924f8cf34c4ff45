# make demo     set up, then run sightline on a clip with known strokes
# make test     set up, then run every check: `check` and `tests` side by side
# make setup    only prepare .venv, with the `sightline` command in it
# make gpu      the checks that need an NVIDIA GPU, in eight minutes; fails without one
# make bench    the figures in benchmarks/README.md, measured on this machine
# make screenshots   the pictures and the recording in screenshots/, from the running app
# make lock     resolve the newest versions pyproject.toml allows into requirements.lock

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= 2
RIVALS := .venv-rivals/.ready .venv-rivals-posting/.ready .venv-rivals-harlequin/.ready

.PHONY: demo test tests setup check gpu bench lock docs screenshots clean

demo: setup
	$(BIN)/sightline demo --out demo

# The types alone take a core for a minute, so they are checked beside the tests. Whichever fails,
# the other is finished first, and this fails.
test: setup
	$(MAKE) --no-print-directory --keep-going --jobs=2 tests check

# Each worker takes tests from the other's end when it has done its own.
tests: setup
	$(BIN)/pytest --numprocesses=$(WORKERS) --dist=worksteal --durations=20 --durations-min=0

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/clones.py
	$(BIN)/python -m core.cli.reference --check
	$(BIN)/python -m tui.keys.docs --check
	$(BIN)/python scripts/import_table.py --check
	$(BIN)/python scripts/screenshots.py --check

setup: $(READY)

# uv fetches in parallel; where its own settings reach no index, pip's may.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("sightline needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check uv==0.13.8
	$(BIN)/uv pip install -q --python $(BIN)/python -r requirements.lock \
		|| $(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --editable .
	touch $@

gpu: setup
	scripts/gpu_checks.sh

bench: setup $(RIVALS)
	$(BIN)/python -m benchmarks

# onnx only turns our weights into what rclip reads; it lies apart so that it disturbs nobody.
.venv-rivals/.ready: benchmarks/rivals.txt benchmarks/onnx.txt
	test -x .venv-rivals/bin/python || $(PYTHON) -m venv .venv-rivals
	.venv-rivals/bin/python -m pip install -q --disable-pip-version-check -r benchmarks/rivals.txt
	.venv-rivals/bin/python -m pip install -q --disable-pip-version-check --no-deps \
		--upgrade --target .venv-rivals/onnx -r benchmarks/onnx.txt
	touch $@

lock: setup
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade \
		--no-header --no-annotate --no-emit-index-url -q -o requirements.lock

# These two pin different versions of Textual.
.venv-rivals-%/.ready: benchmarks/rivals-%.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install -q --disable-pip-version-check -r $<
	touch $@

docs: setup
	$(BIN)/python -m core.cli.reference
	$(BIN)/python -m tui.keys.docs
	$(BIN)/python scripts/import_table.py

screenshots: setup
	$(BIN)/python scripts/screenshots.py
	$(BIN)/python scripts/record_review.py

clean:
	rm -rf .venv .venv-rivals .venv-rivals-posting .venv-rivals-harlequin demo build dist
