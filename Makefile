# Everything a newcomer or CI does here; both `run` and `test` need nothing but this folder.

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
SEEDS ?= 1
MINUTES ?= 60
PEERS ?= build/peers
# The CUDA kernels take minutes to compile, and most machines have no use for them: ask for them by 1.
export RECBENCH_CUDA ?= 0

.PHONY: setup run test lint native-test unit-test reference-test plugin-test smoke check-slow bench bench-ops gpu pins \
    pages results check-results peers bench-peers clean

setup: $(VENV)/ready

# CPU torch comes first and by itself, so that nothing pulls in gigabytes of CUDA.
$(VENV)/ready: pyproject.toml setup.py CMakeLists.txt $(wildcard csrc/*/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

run: setup
	$(BIN)/recbench run --models din,dien,sim --dataset taobao --seeds $(SEEDS)

test: setup lint native-test unit-test reference-test plugin-test smoke check-results

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python -m datasheets.pages --check
	git ls-files -z '*.h' '*.cpp' '*.cu' '*.cuh' | xargs -0 $(BIN)/clang-format --dry-run --Werror

native-test: setup
	$(BIN)/cmake -S . -B build/native -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja \
	    -DPython_EXECUTABLE=$(abspath $(BIN))/python \
	    -DRECBENCH_TORCH_INCLUDE=$$($(BIN)/python -c 'import torch; print(torch.__path__[0])')/include
	$(BIN)/cmake --build build/native
	$(BIN)/ctest --test-dir build/native --output-on-failure --parallel $(JOBS)

unit-test: setup
	$(BIN)/pytest -m 'not slow' -n $(JOBS) --dist loadscope

# The same behaviour without native code.
reference-test: setup
	RECBENCH_NATIVE=0 RECBENCH_OPS=reference $(BIN)/pytest -m 'not slow' -n $(JOBS) \
	    --dist loadscope tests/data tests/ops tests/plugins tests/testing tests/test_pipeline.py \
	    tests/test_kept_predictions.py tests/test_settling.py

plugin-test: setup
	rm -rf build/template && mkdir -p build
	$(BIN)/python -m pip install --quiet --no-deps --target build/template plugins/template
	PYTHONPATH=build/template $(BIN)/pytest plugins/template/tests
	PYTHONPATH=build/template $(BIN)/recbench plugin check fm
	PYTHONPATH=build/template RECBENCH_CACHE=build/template/cache RECBENCH_DATA= $(BIN)/recbench run \
	    --models fm --dataset taobao --size tiny --set training.epochs=1 --results build/template/results

smoke: setup
	RECBENCH_CACHE=build/smoke/cache RECBENCH_DATA= $(BIN)/recbench run --again --results build/smoke/results \
	    --models popularity,din-base,din,dien,sim --dataset taobao --size tiny --set training.epochs=1

check-slow: setup
	$(BIN)/pytest -m slow
	$(BIN)/cmake -S . -B build/sanitized -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja \
	    -DPython_EXECUTABLE=$(abspath $(BIN))/python -DRECBENCH_SANITIZE=ON
	$(BIN)/cmake --build build/sanitized
	$(BIN)/ctest --test-dir build/sanitized --output-on-failure --parallel $(JOBS)

bench: setup
	$(BIN)/pytest benchmarks --benchmark-only

bench-ops: setup
	$(BIN)/python -m benchmarks.ops

# All that only a machine with a GPU can tell, what is worth most first; results are in build/gpu.
gpu: export RECBENCH_CUDA = 1
gpu: TORCH = torch
gpu: setup
	$(BIN)/python -m benchmarks.gpu --minutes $(MINUTES)

# The fingerprints that datasets are held to, recbench/datasets/fingerprints.toml: of simulations, and of the raw files
# that are in the folder RECBENCH_TEST_DATA; the others keep theirs.
pins: setup
	$(BIN)/python -m datasheets.pins

# docs/datasets, after new pins: the cards, and what the same data show when they are prepared.
pages: setup
	$(BIN)/python -m datasheets.pages --measure

# The committed records and every page with a leaderboard. Run it on committed code: a record says if it was not.
RESULTS_PAGES := $(addprefix --output ,results/README.md results/README.zh-CN.md README.md README.zh-CN.md)

results: setup
	RECBENCH_CACHE=build/results/cache RECBENCH_DATA= $(BIN)/recbench suite suites/quick.toml \
	    --results results --jobs $(JOBS)
	$(BIN)/recbench leaderboard --results results $(RESULTS_PAGES)

check-results: setup
	$(BIN)/recbench leaderboard --results results --check $(RESULTS_PAGES)
	$(BIN)/recbench verify --results results

# The libraries that our models are measured beside, each in an environment of its own.
$(PEERS)/fuxictr/ready: PACKAGES = fuxictr==2.3.10
$(PEERS)/deepctr-torch/ready: PACKAGES = deepctr-torch==0.3.0 requests
$(PEERS)/torch-rechub/ready: PACKAGES = torch-rechub==0.9.0
$(PEERS)/recbole/ready: PACKAGES = recbole==1.2.1
peers: $(patsubst %,$(PEERS)/%/ready,fuxictr deepctr-torch torch-rechub recbole)

$(PEERS)/%/ready:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet $(TORCH)
	$(@D)/bin/python -m pip install --quiet $(TORCH) $(PACKAGES)
	touch $@

bench-peers: setup peers
	$(BIN)/python -m benchmarks.peers --peers $(PEERS)

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache
