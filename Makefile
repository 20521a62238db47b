# One line does all its set-up: `make test`, `make demo`. Needs Python >= 3.11, git and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# pip >= 25.1 knows dependency groups; constraints.txt pins what was tested (regenerate with `make lock`).
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

EXTRAS := cli,httpx,metrics,testing

BENCHMARK = assets="$$(tests/e2e/envtest/build)" && KUBEBUILDER_ASSETS="$$assets" $(VENV)-bench/bin/python -m

.PHONY: setup test demo lint types layers e2e chaos mutation fuzz fuzz-setup wheel lowest changelog check lock clean
.PHONY: docs tutorial bench bench-setup bench-compare bench-scale bench-live bench-blog bench-controller bench-faults
.DELETE_ON_ERROR:
.NOTPARALLEL:

setup: $(VENV)/.ready  ## a virtual environment with everything the other targets need

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install --constraint constraints.txt --editable '.[$(EXTRAS)]' --group dev
	@touch $@

test: setup  ## everything but the tests that need a real API server
	$(BIN)/python -m pytest -m 'not e2e' --cov --cov-report=term

demo: setup  ## an informer on 20,000 pods, on an API server that comes along
	$(BIN)/kubeinformer demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## and that no public name leaves a type to be guessed: fails below 100 %
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	PATH="$(abspath $(BIN)):$$PATH" pyright --verifytypes kubeinformer --ignoreexternal

layers: setup
	$(BIN)/lint-imports

e2e: setup  ## builds kube-apiserver and etcd (Go 1.26, 4 minutes the first time), then tests against them
	assets="$$(tests/e2e/envtest/build)" && KUBEBUILDER_ASSETS="$$assets" $(BIN)/python -m pytest -m e2e tests/e2e tests/conformance

chaos: setup  ## the long form of tests/e2e/test_chaos.py: CHAOS='--seconds 600 --seed 1'
	@assets="$$(tests/e2e/envtest/build)" && KUBEBUILDER_ASSETS="$$assets" $(BIN)/python -m tests.e2e.chaos $(CHAOS)

wheel: setup  ## the built wheel, alone in an empty environment
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python tests/wheel.py dist

tutorial: wheel  ## docs/tutorial, followed to the letter, in an empty folder with the built wheel
	$(BIN)/python -m tests.docs.tutorial dist/*.whl

SPHINX = $(VENV)-docs/bin/python -m sphinx -W --keep-going -n -q

docs: $(VENV)-docs/.ready  ## the manual, in docs/_build/html; any warning is an error, and doctests run
	$(SPHINX) -b html docs docs/_build/html
	$(SPHINX) -b doctest docs docs/_build/doctest

$(VENV)-docs/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	$(VENV)-docs/bin/python -m pip --quiet install --constraint constraints.txt \
	  --editable '.[$(EXTRAS)]' --group docs
	@touch $@

# The library's own tests, without those of the fake server and of the tests themselves; 2 minutes.
LOWEST ?= tests/_protocol tests/_cache tests/connection tests/controller tests/cli tests/test_api.py tests/test_cluster.py \
  tests/test_examples.py tests/test_informer.py tests/test_models.py tests/test_store.py

lowest: $(VENV)-lowest/.ready  ## the tests on the lowest versions that pyproject.toml allows
	$(VENV)-lowest/bin/python -m pytest -m 'not e2e' -p no:cacheprovider $(LOWEST)

$(VENV)-lowest/.ready: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	$(VENV)-lowest/bin/python -m pip --quiet install --constraint constraints-lowest.txt --editable '.[$(EXTRAS)]' --group test
	@touch $@

changelog: setup  ## what the next release will say; with VERSION=0.2.0 it is written, and changes/ emptied
	$(BIN)/towncrier build $(if $(VERSION),--yes --version $(VERSION),--draft --version next)

check: test lint types layers docs wheel tutorial lowest

# Half an hour of processor time, and more. MUTATION=_protocol.frames looks at one module only; docs/explanation/mutation.md.
mutation: $(VENV)-mutation/.ready  ## plants mistakes in _protocol and _cache, and sees that tests notice each
	$(VENV)-mutation/bin/python tests/mutation/run.py $(MUTATION)

$(VENV)-mutation/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)-mutation
	$(VENV)-mutation/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	$(VENV)-mutation/bin/python -m pip --quiet install --constraint constraints.txt \
	  --editable '.[$(EXTRAS)]' --group mutation
	@touch $@

fuzz-setup: $(VENV)-fuzz/.ready  ## an environment of its own: atheris has wheels for few versions of Python

$(VENV)-fuzz/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)-fuzz
	$(VENV)-fuzz/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	$(VENV)-fuzz/bin/python -m pip --quiet install --editable . --group fuzz
	@touch $@

FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= frames watch_event page scanners gzip_members status kubeconfig

fuzz: fuzz-setup  ## each target for FUZZ_SECONDS; what was found stays in .venv-fuzz/corpus for the next time
	for target in $(FUZZ_TARGETS); do \
	  mkdir -p $(VENV)-fuzz/corpus/$$target && \
	  $(VENV)-fuzz/bin/python tests/fuzz/guided.py $$target -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -timeout=20 \
	    -max_len=8192 -print_final_stats=1 -artifact_prefix=$(VENV)-fuzz/$$target- \
	    $(VENV)-fuzz/corpus/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

bench-setup: $(VENV)-bench/.ready  ## an environment of its own: the clients compared with want their own versions

$(VENV)-bench/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	$(VENV)-bench/bin/python -m pip --quiet install --editable '.[testing]' --group bench
	@touch $@

# Each with nothing else on the machine; together an hour and a half. BENCH='--sizes 1000' compares on less.
bench: bench-compare bench-scale bench-live bench-blog bench-controller  ## all benchmarks, into docs/benchmarks

bench-compare: bench-setup  ## beside other clients
	$(BENCHMARK) benchmarks.compare $(BENCH)
	$(VENV)-bench/bin/python -m benchmarks.readme

bench-scale: bench-setup  ## as collections grow, and through resyncs
	$(BENCHMARK) benchmarks.scale > docs/benchmarks/scale.jsonl
	$(VENV)-bench/bin/python -m benchmarks.page docs/benchmarks

bench-live: bench-setup  ## events a second, and where the time goes
	$(BENCHMARK) benchmarks.live --profile docs/benchmarks/live-profile.md > docs/benchmarks/live.json
	$(VENV)-bench/bin/python -m benchmarks.page docs/benchmarks

bench-blog: bench-setup  ## the API server's memory with many informers; builds an old server, too
	$(BENCHMARK) benchmarks.blog

bench-controller: bench-setup  ## queue, reconciles, latency and memory of a controller, beside kopf
	$(BENCHMARK) benchmarks.controller > docs/benchmarks/controller.json
	$(VENV)-bench/bin/python -m benchmarks.page docs/benchmarks

bench-faults: setup  ## every fault with 50 seeds, and how long informers take to come back; 10 minutes
	$(BIN)/python -m benchmarks.faults > docs/benchmarks/faults.json

lock:  ## pins the versions that are tested: the newest, and the lowest that pyproject.toml allows
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	$(VENV)-lock/bin/python -m pip --quiet install --editable '.[$(EXTRAS)]' --group dev --group docs
	$(VENV)-lock/bin/python -m pip freeze --exclude-editable --exclude pip > constraints.txt
	$(VENV)-lock/bin/python tests/lowest.py > $(VENV)-lock/lowest.txt
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	$(VENV)-lowest/bin/python -m pip --quiet install --constraint $(VENV)-lock/lowest.txt --editable '.[$(EXTRAS)]' --group test
	$(VENV)-lowest/bin/python -m pip freeze --exclude-editable --exclude pip > constraints-lowest.txt
	rm -rf $(VENV)-lock $(VENV)-lowest

clean:
	rm -rf $(VENV) $(VENV)-bench $(VENV)-docs docs/_build $(VENV)-lowest $(VENV)-fuzz $(VENV)-mutation .mutation dist
	rm -rf .coverage* .mypy_cache .ruff_cache .pytest_cache
