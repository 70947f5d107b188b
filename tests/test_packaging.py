import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Wheel and source distribution, built from what git knows."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def test_the_wheel_holds_exactly_the_files_of_our_packages(built):
    tracked = subprocess.run(
        [
            "git",
            "ls-files",
            "-co",
            "--exclude-standard",
            "harness",
            "plugins",
            "benchmarks/harness_benchmarks",
            "reports",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    expected = {path.removeprefix("plugins/").removeprefix("benchmarks/").removeprefix("reports/") for path in tracked}
    names = {name for name in zipfile.ZipFile(built[0]).namelist() if ".dist-info/" not in name}
    assert names == expected


def test_the_wheel_says_who_we_are(built):
    wheel = zipfile.ZipFile(built[0])
    metadata = next(name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
    facts = Parser().parsestr(wheel.read(metadata).decode())
    assert (facts["Name"], facts["License-Expression"]) == ("ooc-harness", "Apache-2.0")
    assert facts.get_payload().startswith("# harness")


def test_no_path_of_a_machine_is_packed(built):
    wheel = zipfile.ZipFile(built[0])
    home, here = str(Path.home()), str(ROOT)
    for name in wheel.namelist():
        content = wheel.read(name)
        assert here.encode() not in content, name
        assert len(home) < 4 or f"{home}/".encode() not in content, name


def test_the_source_distribution_has_what_the_tests_need(built):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "constraints.txt", "tests/conftest.py", "examples/quickstart.yaml", "LICENSE"} <= names


def test_the_wheel_works_away_from_the_checkout(built, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(built[0]) as wheel:
        wheel.extractall(site)
    code = (
        "import sys\nsys.path.insert(0, sys.argv[1])\n"
        "import harness\nfrom harness.plugins import Registry\n"
        "assert harness.__file__.startswith(sys.argv[1]), harness.__file__\n"
        "ours = [found for found in Registry.installed().plugins if found.distribution == 'ooc-harness']\n"
        "assert len(ours) > 10\n"
        "for plugin in ours:\n"
        "    assert not plugin.error and plugin.components, (plugin.name, plugin.error)\n"
        "    assert plugin.namespace.__file__.startswith(sys.argv[1]), plugin.namespace\n"
    )
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    subprocess.run([sys.executable, "-c", code, str(site)], check=True, cwd=tmp_path, env=environment)


def test_no_module_of_a_built_in_imports_a_heavy_package_when_it_is_imported():
    code = (
        "import sys\nfrom harness.plugins import Registry\nRegistry.installed()\n"
        "heavy = {'torch', 'transformers', 'peft', 'trl', 'pandas', 'scipy', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
