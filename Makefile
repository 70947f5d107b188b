# Everything runs in .venv, with the versions of constraints.txt. See README.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

GPU_PYTHON ?= $(BIN)/python
GPU_SITE   ?=

export HF_HUB_OFFLINE := 1
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: quickstart test check check-report docs mutants bench bench-engine bench-data bench-teachers chaos chaos-teachers gpu-check gpu-test calibrate base clean bench-guard claims bench-run

quickstart: $(VENV)/.installed   ## a whole comparison on the embedded default, and its report
	$(BIN)/harness run examples/quickstart.yaml

test: check                      ## lint, types, import contracts, tests
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

check: $(VENV)/.installed        ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-report: $(VENV)/.installed ## the HTML report in Chromium with axe-core (from npm) and hostile texts (2 minutes)
	$(BIN)/python tests/browser

docs: $(VENV)/.installed         ## the documentation site, in build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

mutants: $(VENV)/.installed      ## the contract's rules against components with one fault each
	$(BIN)/python tests/data/mutants/zoo.py

bench: $(VENV)/.installed        ## speed, as ratios within one run
	$(BIN)/pytest benchmarks/speed --benchmark-only --benchmark-sort=name -p no:randomly -p no:cacheprovider

bench-data: $(VENV)/.installed   ## 100,000 entries of NewsCLIPpings against json.load: time and memory (2 minutes)
	$(BIN)/python benchmarks/data

bench-engine: $(VENV)/.installed ## the training engine against stock TRL: one training, and a whole matrix (20 minutes of two cores)
	PYTHONPATH=tests/data/families $(BIN)/python benchmarks/engine

bench-guard: $(VENV)/.installed  ## copies found and false alarms of the data guard, and its time at NewsCLIPpings' size (5 minutes)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/guard
bench-run: $(VENV)/.installed    ## what the harness takes of the quickstart, and of 10,000 steps that do nothing (10 minutes)
	$(BIN)/python benchmarks/speed/scheduling.py

GPU_PATH = tests/data/families:benchmarks/gpu:benchmarks/engine:.:plugins:benchmarks:reports:$(GPU_SITE)

gpu-check:                       ## the same at full size on one GPU; GPU_PYTHON has torch, GPU_SITE what else is needed
	PYTHONPATH=$(GPU_PATH) $(GPU_PYTHON) benchmarks/gpu

gpu-test:                        ## devices, shared memory, bytes and a full device, with tiny models on one GPU
	PYTHONPATH=$(GPU_PATH) $(GPU_PYTHON) -m pytest benchmarks/gpu -s -p no:randomly -p no:cacheprovider -W default

bench-teachers: $(VENV)/.installed   ## answers per second against a server's limits and plainer clients (10 minutes)
	$(BIN)/python benchmarks/speed/teachers.py

chaos-teachers: $(VENV)/.installed   ## 20 runs that are killed at random: no answer lost, none paid twice (3 minutes)
	$(BIN)/python benchmarks/chaos/teachers.py

chaos: $(VENV)/.installed        ## runs that are killed, starved and misled: does every one end in the same tables? (8 minutes)
	PYTHONPATH=tests/data/toys $(BIN)/python benchmarks/chaos/runs.py

claims: $(VENV)/.installed       ## what must be so if nothing leaks: the bound, chance, what must hurt (about 4 minutes)
	$(BIN)/python benchmarks/claims

calibrate: $(VENV)/.installed    ## simulate runs whose truth is known: are the statistics right? (3 minutes of one core)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/calibration

base: $(VENV)/.installed         ## remake the pre-trained base of tiny-llava (about 10 minutes on two cores)
	OMP_NUM_THREADS=2 $(BIN)/python -m harness_students.tiny_llava.pretrain

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[train,boosting,crowd,openai,serve,ray,slurm,s3,tables,figures,mlflow,tensorboard,dev,docs]"
	touch $@

clean:                           ## remove the environment; results in runs/ stay
	rm -rf $(VENV)
