"""What rendering the page costs beside writing its tables as CSV: 200 arms of five seeds, and 2,000 arms."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.testing import trial
from harness_reports.html import Html


def large(arms):
    """A view of so many arms of five seeds, on 25 strategies, in the likeness of the kit's trial."""
    seen = trial.finished()
    result = seen.results[seen.results["strategy"] == "two-stage"].iloc[0].to_dict()
    arm = seen.arms[seen.arms["strategy"] == "two-stage"].iloc[0].to_dict()
    rows, results = [], []
    for number in range(arms):
        place = {"strategy": f"way-{number % 25}", "label_fraction": (number // 25 + 1) / arms, "arm": f"arm/{number}"}
        bought = {"labels_bought": number // 25 + 1, "accuracy": 0.5 + number / (2 * arms)}
        rows.append(arm | place | bought | {"seeds": 5, "seeds_planned": 5})
        results += [result | place | bought | {"cell": f"arm/{number}/{seed}", "seed": seed} for seed in range(5)]
    return replace(seen, results=pd.DataFrame(results), arms=pd.DataFrame(rows))


def write(seen, out):
    for name, table in trial.tables(seen).items():
        table.to_csv(out / f"{name}.csv", index=False)


@pytest.mark.parametrize("arms", [200, 2000])
def test_page(benchmark, tmp_path, arms):
    benchmark.group = f"{arms} arms"
    (file, *_) = benchmark.pedantic(Html().render, args=(large(arms), tmp_path), rounds=2, warmup_rounds=1)
    size = file.stat().st_size / 1e6
    benchmark.extra_info["megabytes"] = size
    print(f"{arms} arms: {size:.2f} MB")
    assert size < (3 if arms == 200 else 15)


@pytest.mark.parametrize("arms", [200, 2000])
def test_baseline_tables_as_csv(benchmark, tmp_path, arms):
    benchmark.group = f"{arms} arms"
    benchmark.pedantic(write, args=(large(arms), tmp_path), rounds=2, warmup_rounds=1)
