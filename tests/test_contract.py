"""Every built-in component keeps the contract that the kit holds strangers to."""

import pytest

from harness.components import Benchmark
from harness.plugins import Registry
from harness.testing import checks_for
from harness_executors.local import Local

# What needs files of somebody else is looked at where the files are.
ON_REAL_DATA = {"5pils-ooc", "verite"}

# Models of many GB or seconds, recorded answers, a server, a cluster, data, a table, a tracker of the user's, and what
# is nothing without another component, have tests of their own.
ELSEWHERE = {
    "clip",
    "compute-matched",
    "cosmos",
    "flipped-pairs",
    "glad",
    "hf-dataset",
    "label-model-entropy",
    "label-model-soft",
    "mace",
    "masked",
    "mlflow",
    "mmfakebench",
    "newsclippings",
    "openai",
    "replay",
    "self-consistency",
    "shuffled-labels",
    "single-teacher",
    "slurm",
    "table",
    "transformers",
    "vllm",
    "vlm",
}


def built_ins():
    for plugin in Registry.installed().plugins:
        if plugin.distribution == "ooc-harness":
            yield from plugin.components


def cases():
    for component in built_ins():
        if component.name not in ELSEWHERE | ON_REAL_DATA:
            for check in checks_for(component):
                yield pytest.param(component, check, id=f"{component.kind}-{component.name}-{check.__name__[6:]}")


@pytest.mark.parametrize(("component", "check"), list(cases()))
def test_a_built_in_keeps_its_contract(component, check):
    check(component())


@pytest.mark.parametrize("check", checks_for(Local))
def test_two_local_workers_keep_the_contract(check):
    check(Local(workers=2, threads=1))


@pytest.mark.parametrize("check", checks_for(Benchmark))
@pytest.mark.parametrize("name", sorted(ON_REAL_DATA))
def test_a_benchmark_on_real_data_keeps_the_contract(name, check, data, registry):
    check(registry.find("benchmark", name)())
