"""Capsules: a run in one archive, from which tables and reports are made again."""

import csv
import io
import json
import shutil
import sys
import tarfile
from hashlib import sha256

import pytest
from click.testing import CliRunner

import harness_reports.html
from harness import planning
from harness.api import Report, hookimpl
from harness.archive import add, writing
from harness.cli import main
from harness.diagnosis import view
from harness.errors import StoreError
from harness.packing import pack, taken
from harness.parcel import Moved, Unpacking
from harness.plugins import Registry
from harness.publication import publish
from harness.reading import parse
from harness.rerun import rerun
from harness.store import Store
from harness_benchmarks.newsworld import NewsWorld

MATRIX = """\
benchmarks:
  archive:
    uses: table
    file: {folder}/archive.csv
    images: {folder}/pictures
    caption: text
    image: picture
    entities: things
    reference: why
    group: story
teachers:
  a: {{uses: listens, words: [omega]}}
  b: {{uses: listens, words: [omega, kappa]}}
  c: {{uses: listens, words: [omega], breaks: alpha}}
teacher_sets: {{both: [a, b], broken: [a, c]}}
teachers_as_arms: true
students: {{counter: counter}}
rules: {{hard: hard-disagreement, random: random}}
strategies: {{zero-shot: zero-shot, stage1-only: stage1-only, mmkd: mmkd, supervised: supervised}}
label_fractions: [0.1, 0.25]
seeds: [0, 1]
compare: {{main: {{arms: '*/mmkd/both/hard/*', against: '*/supervised/*'}}}}
newsroom: {{items_per_day: 500}}
executor: inline
reports: {{page: html, text: markdown}}
"""

NEWS = """\
benchmarks: {world: {uses: told-world, train: 20, validation: 6, test: 20}}
evaluate_on: {later: {uses: newsworld, seed: 3, train: 2, validation: 0, test: 8}}
teachers:
  names: {uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}
  titles: {uses: evidence-overlap, sources: [captions], checks: all, threshold: 0.6}
teachers_as_arms: true
students: {counter: folding}
rules: {hard: hard-disagreement, spread: k-center, random: random}
strategies: {mmkd: mmkd}
label_fractions: [0.3]
seeds: [0]
ablate: auto
executor: inline
reports: {page: html, text: markdown}
"""

ORACLE = "Evidence was sorted by the answer."

PLUGIN = f"""
from dataclasses import replace

from harness.api import Skipped, hookimpl, seed_from
from harness_benchmarks.newsworld import NewsWorld
from toys import WORDS, Counter


class ToldWorld(NewsWorld):
    name = "told-world"

    def oracles(self):
        return ({ORACLE!r},)

    def skipped(self):
        return (Skipped("entry nine of a stranger", "its page is gone", "train"), Skipped("entry ten", "it is empty"))


class Folding(Counter):
    name = "folding"

    def train(self, items, examples, objective, start, bench):
        super().train({{item_id: _folded(item) for item_id, item in items.items()}}, examples, objective, start, bench)

    def predict(self, items, model, bench):
        return super().predict([_folded(item) for item in items], model, bench)


def _folded(item):
    # The student that counts knows six words.
    return replace(item, caption=" ".join(WORDS[seed_from(word) % 6] for word in item.caption.split()))


@hookimpl
def harness_benchmarks():
    return (ToldWorld,)


@hookimpl
def harness_students():
    return (Folding,)
"""

WORDS = ("alpha", "beta", "gamma", "delta", "kappa", "omega")


def write_archive(folder):
    """Forty captions of words with drawn pictures and a reason; every story is of two items."""
    (folder / "pictures").mkdir(parents=True)
    drawn = [item.image.read() for item in NewsWorld(train=12, validation=0, test=2).items("train")]
    with open(folder / "archive.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "text", "picture", "label", "split", "things", "why", "story"])
        for number in range(60):
            picture = f"photo-{number}.png"
            (folder / "pictures" / picture).write_bytes(drawn[number % 12] + bytes([number]))
            words = [WORDS[number % 6], WORDS[(number // 6 + number + 1) % 6], WORDS[(number + 3) % 6]]
            label = "falsified" if ("omega" in words) != (number % 7 == 0) else "pristine"
            split = "train" if number < 36 else "test"
            story = f"story-{(number * 7) % 30}-{split}"
            why = "because of its words, says the desk" if number % 3 else ""
            table.writerow(
                [f"Ärger-{number}", " ".join(words), picture, label, split, json.dumps(words[:1]), why, story]
            )


def call(*arguments, expect=0):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == expect, result.output
    return result.output


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two capsules of a run with a failed step, in a folder where neither its data nor its store are any more."""
    there, here = tmp_path_factory.mktemp("there"), tmp_path_factory.mktemp("here")
    write_archive(there)
    (there / "toy.yaml").write_text(MATRIX.format(folder=there))
    store = ("--store", there / "store")
    call("run", there / "toy.yaml", *store, "--out", here / "was", expect=3)
    call("report", there / "toy.yaml", *store, "--redact", "--out", here / "was-redacted")
    told = call("export", "--capsule", there / "toy.yaml", *store, "-o", here / "toy.tar.gz")
    call("export", "--capsule", there / "toy.yaml", *store, "-o", here / "again.tar.gz")
    call("export", "--capsule", there / "toy.yaml", *store, "-o", here / "redacted.tar", "--redact")
    (here / "told.txt").write_text(told)
    shutil.rmtree(there)
    return here


@pytest.fixture(scope="module")
def news(tmp_path_factory):
    """Two capsules of a run with an ablation, read by the label, in a folder where its store is not any more."""
    there, here = tmp_path_factory.mktemp("there"), tmp_path_factory.mktemp("here")
    about = there / "told-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: told\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[harness]\ntold = told_parts\n")
    (there / "told_parts.py").write_text(PLUGIN)
    (there / "news.yaml").write_text(NEWS)
    store = ("--store", there / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(there))
        call("run", there / "news.yaml", *store, "--out", here / "was")
        call("report", there / "news.yaml", *store, "--redact", "--out", here / "was-redacted")
        call("export", "--capsule", there / "news.yaml", *store, "-o", here / "news.tar")
        call("export", "--capsule", there / "news.yaml", *store, "-o", here / "redacted.tar", "--redact")
    sys.modules.pop("told_parts", None)
    shutil.rmtree(there)
    return here


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}


def contents(capsule):
    with tarfile.open(capsule) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}


def packed(target, parts):
    with writing(target) as archive:
        for name, content in parts.items():
            add(archive, name, content)
    return target


def manifest_of(parts, name):
    return f"{name.rpartition('/')[0]}/manifest.json"


def changed(parts, name, old, new, *, told=True):
    """The contents with another text in a file, which its manifest maybe tells."""
    content = parts[name].replace(old, new, 1)
    assert content != parts[name]
    found = {**parts, name: content}
    if told:
        manifest = json.loads(parts[manifest_of(parts, name)])
        manifest["files"][name.rpartition("/")[2]] = sha256(content).hexdigest()
        found[manifest_of(parts, name)] = json.dumps(manifest).encode()
    return found


def test_a_capsule_elsewhere_gives_the_same_bytes_without_data_and_without_plugins(made, tmp_path, monkeypatch):
    monkeypatch.delenv("HARNESS_REAL_DATA", raising=False)
    from harness_reports import html, markdown

    reports = Registry.of(html, markdown, distribution="ooc-harness")
    found = rerun(made / "toy.tar.gz", tmp_path / "out", reports)
    assert found.same, found.outputs
    assert found.surroundings == ()
    assert [output.name for output in found.outputs][:3] == ["results.csv", "arms.csv", "contrasts.csv"]
    assert files(tmp_path / "out") == files(made / "was")
    assert b"failed" in files(made / "was")["results.csv"]
    assert b"data:image/webp" in files(made / "was")["report.html"]


def test_the_command_tells_each_file_and_where_they_are(made, tmp_path):
    told = call("rerun", made / "toy.tar.gz", "--out", tmp_path / "out").splitlines()
    assert told[0] == "same     table results.csv"
    assert "same     report report.html" in told
    assert told[-1] == f"{tmp_path / 'out'}: 21 of 21 files have the bytes that they had"
    facts = json.loads(call("rerun", made / "toy.tar.gz", "--out", tmp_path / "out", "--json"))
    assert facts["same"]
    assert facts["outputs"][0] == {"name": "results.csv", "what": "table", "state": "same", "cause": ""}


def test_equal_runs_make_equal_capsules_and_what_they_hold_is_told(made):
    assert (made / "toy.tar.gz").read_bytes() == (made / "again.tar.gz").read_bytes()
    parts = contents(made / "toy.tar.gz")
    steps = sum(name.endswith("manifest.json") for name in parts)
    pictures = sum(name.startswith("images/") for name in parts)
    assert f"({steps} steps, 60 labels, {pictures} pictures, " in (made / "told.txt").read_text()
    assert "steps are not done" in (made / "told.txt").read_text()
    assert 0 < pictures < 60


def test_a_capsule_holds_no_model_and_names_all_versions(made):
    parts = contents(made / "toy.tar.gz")
    assert not any(name.endswith("model.json") for name in parts)
    assert any(name.endswith("/log.jsonl") for name in parts)
    facts = json.loads(parts["capsule.json"])
    assert {"numpy", "pandas", "toys", "click"} <= facts["versions"].keys()
    assert any(name.startswith("toys/") for name in facts["surroundings"]["plugins"])
    assert facts["plan"]["matrix"].startswith("benchmarks:\n  archive:\n")


def test_a_redacted_capsule_renders_as_the_redacted_report_and_holds_no_words(made, tmp_path):
    told = call("rerun", made / "redacted.tar", "--out", tmp_path / "out")
    assert "21 of 21 files have the bytes that they had, redacted" in told
    assert files(tmp_path / "out") == files(made / "was-redacted")
    parts = contents(made / "redacted.tar")
    assert not any(name.startswith("images/") for name in parts)
    whole = b"\n".join(parts.values()).decode()
    for words in (
        "omega",
        "kappa",
        "heard",
        "because of",
        "the line is dead",
        "rger-",
        "story-",
        "photo",
        "archive.csv",
    ):
        assert words not in whole, words


def test_a_redacted_capsule_scores_texts_that_it_does_not_hold(made, tmp_path):
    rows = list(csv.DictReader(io.StringIO(files(made / "was")["arms.csv"].decode())))
    assert any(float(row["rouge_l"] or "nan") > 0 for row in rows)
    call("rerun", made / "redacted.tar", "--out", tmp_path / "out")
    again = list(csv.DictReader(io.StringIO((tmp_path / "out/arms.csv").read_text())))
    assert [row["rouge_l_low"] for row in again] == [row["rouge_l_low"] for row in rows]


def table(folder, name):
    return list(csv.DictReader(io.StringIO((folder / f"{name}.csv").read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def again(news):
    """The folder of what is made of that capsule, and what was told."""
    return news / "again", call("rerun", news / "news.tar", "--out", news / "again").splitlines()


def test_findings_ablation_and_pairs_come_out_again_without_the_data(news, again):
    folder, told = again
    assert told[-1] == f"{folder}: 21 of 21 files have the bytes that they had"
    assert files(folder) == files(news / "was")
    found = {name: table(folder, name) for name in ("ablation", "pairs", "voices", "examples", "skipped")}
    assert {row["factor"] for row in found["ablation"]} >= {"zero-shot", "no replay", "all labels"}
    assert {row["standing"] for row in found["ablation"]} == {"added", "there", "left out"}
    assert any(row["p_holm"] for row in found["ablation"])
    assert {row["teacher"] for row in found["voices"]} >= {"names", "titles"}
    assert found["pairs"]
    assert {row["benchmark"] for row in found["examples"]} == {"world", "later"}
    assert [row["entry"] for row in found["skipped"]] == ["entry nine of a stranger", "entry ten"]


def test_what_is_read_by_the_label_and_what_rules_know_is_remembered(again):
    folder, _ = again
    assert {row["benchmark"]: row["oracles"] for row in table(folder, "benchmarks")} == {"world": ORACLE, "later": ""}
    arms = [row for row in table(folder, "arms") if row["role"] == "student"]
    assert all("oracle: how world is read" in row["warnings"] for row in arms)
    chance = [row for row in table(folder, "contrasts") if row["question"] == "against random conflicts"]
    assert {row["arm"].split("/")[4] for row in chance} == {"hard", "spread"}


def test_a_redacted_capsule_hides_findings_entries_and_oracles_as_the_redacted_report_does(news, tmp_path):
    told = call("rerun", news / "redacted.tar", "--out", tmp_path / "out")
    assert "21 of 21 files have the bytes that they had, redacted" in told
    assert files(tmp_path / "out") == files(news / "was-redacted")
    whole = b"\n".join(contents(news / "redacted.tar").values()).decode()
    sizes = {"train": 20, "validation": 6, "test": 20}
    items = [item for split in sizes for item in NewsWorld(**sizes).items(split)]
    written = [text for item in items for text in (item.id, item.caption, *item.evidence.captions)]
    found = [row["found"] for row in table(news / "was", "findings")]
    reasons = [row["reason"] for row in table(news / "was", "ablation") if row["reason"]]
    assert len(found) > 2
    assert reasons
    for words in (*written, *found, *reasons, ORACLE, "entry nine", "entry ten", "page is gone", "it is empty"):
        assert words not in whole, words


def test_a_changed_finding_is_noticed(news, tmp_path):
    parts = contents(news / "news.tar")
    name = next(name for name, part in parts.items() if name.endswith("/findings.jsonl") and b'"count":' in part)
    forged = packed(tmp_path / "forged.tar", changed(parts, name, b'"count":', b'"count":1'))
    told = call("rerun", forged, "--out", tmp_path / "out", expect=3)
    assert "differs  table findings.csv" in told
    assert "same     table arms.csv" in told


def some(parts, ending):
    return next(name for name in parts if name.endswith(ending))


def test_a_changed_prediction_is_noticed_where_its_checksum_was_changed_too(made, tmp_path):
    parts = contents(made / "toy.tar.gz")
    name = some(parts, "predictions.jsonl")
    old, new = (b'"falsified"', b'"pristine"') if b'"falsified"' in parts[name] else (b'"pristine"', b'"falsified"')
    forged = packed(tmp_path / "forged.tar", changed(parts, name, old, new))
    told = call("rerun", forged, "--out", tmp_path / "out", expect=3)
    assert "differs  table results.csv" in told
    assert "differs  report report.html" in told
    assert "same     table benchmarks.csv" in told
    damaged = packed(tmp_path / "damaged.tar", changed(parts, name, old, new, told=False))
    refused = call("rerun", damaged, "--out", tmp_path / "out", expect=2)
    assert (
        f"is damaged: predictions.jsonl of predict {name.split('/')[2][:12]} has another checksum than its" in refused
    )


def test_a_changed_label_is_noticed(made, tmp_path):
    parts = contents(made / "toy.tar.gz")
    name = "benchmarks/archive/test.labels.jsonl"
    parts[name] = parts[name].replace(b'"falsified"', b'"pristine"', 1)
    told = call("rerun", packed(tmp_path / "forged.tar", parts), "--out", tmp_path / "out", expect=3)
    assert "differs  table results.csv" in told


def test_a_report_whose_plugin_lacks_is_named_and_the_rest_is_made(made, tmp_path):
    found = rerun(made / "toy.tar.gz", tmp_path / "out", Registry.of(harness_reports.html, distribution="ooc-harness"))
    assert not found.same
    states = {output.name: output for output in found.outputs}
    assert states["report.html"].state == states["arms.csv"].state == "same"
    assert states["report.md"].state == "not made"
    assert states["report.md"].cause.startswith("no report is called 'ooc-harness/markdown'")
    assert "it was made by ooc-harness/markdown" in states["report.md"].cause
    assert not (tmp_path / "out/report.md").exists()


def test_a_report_that_reaches_beyond_its_folder_is_never_rendered(made, tmp_path):
    parts = contents(made / "toy.tar.gz")
    facts = json.loads(parts["capsule.json"])
    target = tmp_path / "planted.db"
    facts["reports"]["text"] = {"uses": "mlflow", "version": "1", "options": {"uri": f"sqlite:///{target}"}}
    parts["capsule.json"] = json.dumps(facts).encode()
    told = call("rerun", packed(tmp_path / "forged.tar", parts), "--out", tmp_path / "out", expect=3)
    assert "not made report report.md: mlflow reaches beyond the folder of the reports" in told
    assert not target.exists()


class Telling(Report):
    """Writes a line somewhere else."""

    name = "telling"
    outside = True
    to: str

    def render(self, view, out):
        with open(self.to, "a") as file:
            file.write(f"{view.title}\n")
        return ()


class Space:
    @staticmethod
    @hookimpl
    def harness_reports():
        return [Telling]


def test_such_a_report_is_left_out_of_a_capsule_and_the_others_are_as_they_were(
    toy, run_plan, store, registry, tmp_path
):
    reports = f"reports: {{log: {{uses: telling, to: {tmp_path / 'log'}}}, page: html}}"
    text = toy.replace("seeds: [0, 1]", "seeds: [0]").replace("reports: {}", reports)
    plan = planning.make(parse(text, registry + Registry.of(Space)))
    run_plan(plan)
    publish(view(plan, store), plan.matrix.reports, tmp_path / "was")
    pack(plan, store, registry + Registry.of(Space), tmp_path / "toy.tar", redacted=False)
    assert rerun(tmp_path / "toy.tar", tmp_path / "out", registry).same
    assert files(tmp_path / "out") == files(tmp_path / "was")
    assert (tmp_path / "log").read_text() == "matrix\n"


def test_other_versions_are_named_where_something_differs(made, tmp_path):
    parts = contents(made / "toy.tar.gz")
    facts = json.loads(parts["capsule.json"])
    facts["versions"] |= {"numpy": "0.9"}
    facts["seal"]["core"] = "0" * 64
    facts["outputs"]["arms.csv"] = "0" * 64
    parts["capsule.json"] = json.dumps(facts).encode()
    told = call("rerun", packed(tmp_path / "old.tar", parts), "--out", tmp_path / "out", expect=3)
    assert "  the code of the harness between answers and tables is another\n  numpy was 0.9, and is " in told


def linked(target, kind):
    with tarfile.open(target, "w") as archive:
        entry = tarfile.TarInfo("capsule.json")
        entry.type, entry.linkname = kind, "/etc/hostname"
        archive.addfile(entry)
    return target


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "/tmp/escaped",
        "benchmarks/../../escaped.jsonl",
        "benchmarks/archive/notes.jsonl",
        "benchmarks/.hidden/test.jsonl",
        "images/photo.png",
        "failures/none.json",
        "answers/" + "0" * 64 + ".jsonl",
        "artifacts/spell/" + "0" * 64 + "/manifest.json",
        "artifacts/train/../manifest.json",
        "artifacts/cache/" + "0" * 64 + "/manifest.json",
    ],
)
def test_what_belongs_into_no_capsule_is_refused(tmp_path, name):
    hostile = packed(tmp_path / "hostile.tar", {name: b"{}"})
    told = call("rerun", hostile, "--out", tmp_path / "out", expect=2)
    assert "which has no place in such an archive" in told
    assert "Only archives that `harness export --capsule` wrote can be run again." in told
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_links_devices_and_folders_are_refused(tmp_path, kind):
    told = call("rerun", linked(tmp_path / "linked.tar", kind), "--out", tmp_path / "out", expect=2)
    assert "holds 'capsule.json', which has no place in such an archive" in told


def test_a_picture_with_another_name_a_second_file_and_no_archive_are_refused(made, tmp_path):
    parts = contents(made / "redacted.tar")
    strange = packed(tmp_path / "picture.tar", {**parts, f"images/{'0' * 64}": b"x"})
    assert "has another checksum than its name says" in call("rerun", strange, "--out", tmp_path / "out", expect=2)
    with tarfile.open(tmp_path / "twice.tar", "w") as archive:
        add(archive, "capsule.json", parts["capsule.json"])
        add(archive, "capsule.json", b"{}")
    assert "holds 'capsule.json' twice" in call("rerun", tmp_path / "twice.tar", "--out", tmp_path / "out", expect=2)
    (tmp_path / "none.tar").write_bytes(b"no archive at all" * 100)
    assert "is no archive that can be read" in call("rerun", tmp_path / "none.tar", "--out", tmp_path / "out", expect=2)
    packed(tmp_path / "empty.tar", {})
    assert "holds no capsule.json" in call("rerun", tmp_path / "empty.tar", "--out", tmp_path / "out", expect=2)


def test_an_archive_that_swells_is_refused_before_it_fills_the_disk(tmp_path):
    bomb = packed(tmp_path / "bomb.tar.gz", {f"images/{'0' * 64}": bytes(5_000_000)})
    unpacking = Unpacking(bomb, Store(tmp_path / "s"), Moved(), lambda *_: True, "", taken, 1_000_000)
    with pytest.raises(StoreError, match="holds more bytes than such an archive ever has"):
        unpacking.all()


def strange_facts():
    def step(facts):
        key = next(iter(facts["plan"]["steps"]))
        facts["plan"]["steps"]["../../escape"] = facts["plan"]["steps"].pop(key)

    yield step, "is no step"
    yield lambda facts: facts["inspections"][0].__setitem__(0, "../../escape"), "is no step"
    yield lambda facts: facts["inspections"][0].pop(), "TypeError"
    yield lambda facts: facts["plan"]["ablation"].append({"arm": 1}), "TypeError"
    yield lambda facts: facts.update(schema=9), "schema 9"
    yield lambda facts: facts["benchmarks"].update({"../up": facts["benchmarks"]["archive"]}), "a benchmark is called"
    yield lambda facts: facts["annotations"][0].__setitem__(3, "0" * 64), "it lacks step"
    yield lambda facts: facts["annotations"][0].__setitem__(2, "exam"), "'exam' is no split"
    yield lambda facts: facts["outputs"].update({"../../etc/passwd": ""}), "is no name of a file"
    yield lambda facts: facts.update(rules=[1]), "AttributeError"
    yield lambda facts: facts.update(compare={"main": 7}), "compare.main"
    yield lambda facts: facts.update(similarities=[["none", "archive"]]), "cannot be scored"
    yield lambda facts: facts.pop("names"), "KeyError('names')"


@pytest.mark.parametrize(("change", "cause"), list(strange_facts()))
def test_facts_that_cannot_be_are_refused(made, tmp_path, change, cause):
    parts = {name: part for name, part in contents(made / "redacted.tar").items() if "artifacts" not in name}
    facts = json.loads(parts["capsule.json"])
    change(facts)
    parts["capsule.json"] = json.dumps(facts).encode()
    told = call("rerun", packed(tmp_path / "strange.tar", parts), "--out", tmp_path / "out", expect=2)
    assert cause in told
    assert not (tmp_path / "out").exists()


def test_a_damaged_step_is_not_packed(toy, tmp_path):
    (tmp_path / "toy.yaml").write_text(toy.replace("seeds: [0, 1]", "seeds: [0]"))
    store = ("--store", tmp_path / "store")
    call("run", tmp_path / "toy.yaml", *store, "--out", tmp_path / "out")
    victim = next((tmp_path / "store/artifacts/predict").glob("*/predictions.jsonl"))
    victim.write_bytes(victim.read_bytes().replace(b"0.", b"0.0", 1))
    told = call("export", "--capsule", tmp_path / "toy.yaml", *store, "-o", tmp_path / "toy.tar", expect=2)
    assert "predictions.jsonl of predict counter" in told
    assert "is damaged\n  Run the matrix again: it is made anew." in told
    assert not list(tmp_path.glob("*.tar*"))


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("--capsule", "m.yaml", "some/arm"), "--capsule takes a whole matrix"),
        (("--capsule", "m.yaml", "--merged"), "--capsule takes a whole matrix"),
        (("some/arm",), "Name an ARM, its --matrix and a folder by -o; or a matrix by --capsule."),
        ((), "Name an ARM"),
        (("--capsule", "m.yaml", "-o", "/"), "/ is a folder, and a capsule is a file."),
        (("some/arm", "--matrix", "m.yaml", "-o", "x", "--redact"), "--redact is of capsules."),
    ],
)
def test_the_two_forms_of_export_are_kept_apart(arguments, cause):
    assert cause in call("export", *arguments, expect=2)
