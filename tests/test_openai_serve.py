"""The teacher `openai` against a real `transformers serve` with a tiny LLaVA that knows a few answers by heart."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

import harness_students
from harness.diagnosis import view
from harness.steps import rows

pytestmark = [pytest.mark.slow, pytest.mark.serve]

TINY = Path(harness_students.__file__).with_name("tiny_llava")
QUESTION = "{caption}\nIn context?"
CAPTIONS = [f"{who} in {place}" for who in ("farmers", "pupils", "voters") for place in ("oslo", "lima", "cairo")]
TAUGHT = [("pristine", "falsified")[number * number % 5 % 2] for number in range(len(CAPTIONS))]

MATRIX = """\
evaluate_on:
  archive: {uses: table, file: archive.csv, split: split}
teachers:
  tiny:
    uses: openai
    model: MODEL
    base_url: http://127.0.0.1:PORT/v1
    prompt: {text: "{{ caption }}\\nIn context?", order: verdict-first}
    max_tokens: 12
    max_concurrency: 4
teachers_as_arms: true
executor: inline
reports: {}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The tiny LLaVA's folder after it has learnt the answers, with the pictures beside it."""
    import torch
    from PIL import Image
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    folder = tmp_path_factory.mktemp("serve")
    torch.manual_seed(0)
    processor = AutoProcessor.from_pretrained(TINY)
    student = LlavaForConditionalGeneration.from_pretrained(TINY)
    pictures, texts, answers = [], [], []
    for number, (caption, verdict) in enumerate(zip(CAPTIONS, TAUGHT, strict=True)):
        picture = Image.new("RGB", (40, 40), (number * 28, 250 - number * 28, 120))
        picture.save(folder / f"{number}.png")
        content = [{"type": "image"}, {"type": "text", "text": QUESTION.format(caption=caption)}]
        asked = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        pictures.append(picture)
        answers.append(f" Verdict: {verdict}</s>")
        texts.append(asked + answers[-1])
    batch = processor(images=pictures, text=texts, return_tensors="pt", padding=True)
    labels = batch["input_ids"].clone()
    for row, answer in enumerate(answers):
        length = len(processor.tokenizer(answer, add_special_tokens=False)["input_ids"])
        ends = int(batch["attention_mask"][row].nonzero().max()) + 1
        labels[row, : ends - length] = -100
        labels[row, ends:] = -100
    optimizer = torch.optim.AdamW(student.parameters(), lr=2e-3)
    for _ in range(800):
        loss = student(**batch, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.01:
            break
    assert loss.item() < 0.01
    student.save_pretrained(folder / "model")
    processor.save_pretrained(folder / "model")
    return folder


@pytest.fixture
def port(model):
    """The port of a real server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    command = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
    arguments = ["serve", str(model / "model"), "--host", "127.0.0.1", "--port", str(number), "--device", "cpu"]
    with (model / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", command, *arguments],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and server.poll() is None:
            try:
                urlopen(f"http://127.0.0.1:{number}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        assert server.poll() is None, (model / "log.txt").read_text()
        yield number
    finally:
        server.kill()
        server.wait()


def test_a_real_server_teaches_through_a_matrix(model, port, monkeypatch, plan_of, run_plan, store):
    monkeypatch.chdir(model)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    lines = [
        f"{number},{caption},{number}.png,{verdict},test"
        for number, (caption, verdict) in enumerate(zip(CAPTIONS, TAUGHT, strict=True))
    ]
    Path("archive.csv").write_text("\n".join(["id,caption,image,label,split", *lines]) + "\n")
    plan = plan_of(MATRIX.replace("MODEL", str(model / "model")).replace("PORT", str(port)))
    outcome, _ = run_plan(plan)
    assert outcome.reasons == {}
    (key,) = {key for key, step in plan.steps.items() if step.kind == "annotate"}
    said = rows.read_annotations(store, key)
    assert {item: given.outcome for item, given in said.items()} == dict.fromkeys(said, "ok")
    assert [said[str(number)].verdict for number in range(len(TAUGHT))] == TAUGHT
    # Usage is what the server counted, the tokens of the picture among them.
    assert all(given.usage.calls == 1 and given.usage.input_tokens > 25 for given in said.values())
    assert all(1 < given.usage.output_tokens <= 12 for given in said.values())
    assert view(plan, store).results["accuracy"].tolist() == [1.0]
    asked = (model / "log.txt").read_text().count("POST /v1/chat/completions")
    assert asked == len(CAPTIONS)
    # Another address is no other teacher, and there is nobody there to be asked.
    moved = plan_of(MATRIX.replace("MODEL", str(model / "model")).replace("PORT", "9"))
    assert run_plan(moved)[0].count("stored") == len(moved.steps)
    manifest = json.loads((store.folder("annotate", key) / "manifest.json").read_text())
    assert manifest["facts"]["asked"] == len(CAPTIONS)
