"""The teacher of the page about hosted models, against a server of its own."""

import base64
import collections
import json
import sys
from importlib import import_module
from io import BytesIO

import pytest
from PIL import Image as Pillow

from harness.api import HarnessError, Image, Item
from harness.identity import digest, identity
from harness.plugins import Registry
from harness.testing import checks_for


@pytest.fixture
def hosted(served, blocks_of, tmp_path, monkeypatch):
    """The class, from the page."""
    (source,) = [block.text for block in blocks_of(served[0]) if block.title.endswith("harness_hosted.py")]
    (tmp_path / "harness_hosted.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HOSTED_API_KEY", "secret")
    # An item that is asked about again is not waited for.
    monkeypatch.setattr("time.sleep", lambda _: None)
    registry = Registry.of(import_module("harness_hosted"))
    assert registry.plugins[0].error == ""
    yield registry.find("teacher", "hosted")
    del sys.modules["harness_hosted"]


@pytest.fixture
def teacher(hosted, endpoint):
    return lambda **options: hosted(base_url=f"{endpoint.address}/v1", **options)


def picture(width=64, height=48):
    file = BytesIO()
    Pillow.new("RGB", (width, height), "red").save(file, "PNG")
    return Image(file.getvalue, "red.png")


def items(count, **parts):
    return [Item(str(number), f"Caption {number}", parts.get("image", picture())) for number in range(count)]


def says(text, **choice):
    return lambda _: (200, {"choices": [{"message": {"content": text}, **choice}]})


def one(teacher, **parts):
    (said,) = teacher.annotate(items(1, **parts))
    return said


def test_a_verdict_is_read_from_json_among_other_words(teacher, endpoint):
    endpoint.answer = says('Hm {x}. {"a": 1} {"verdict": "falsified", "p_falsified": 0.75, "rationale": "No."} Done.')
    said = one(teacher())
    assert (said.outcome, said.verdict, said.p_falsified, said.rationale) == ("ok", "falsified", 0.75, "No.")


@pytest.mark.parametrize(
    "text", ["", "falsified", '{"verdict": "maybe"}', '{"verdict": ["falsified"]}', "{" * 5000, None]
)
def test_an_answer_without_a_readable_verdict_is_unparsable(teacher, endpoint, text):
    endpoint.answer = says(text)
    assert one(teacher()).outcome == "unparsable"


@pytest.mark.parametrize("number", ["1.5", "-1", "NaN", "true", '"high"', "null"])
def test_a_number_that_is_no_probability_is_left_out(teacher, endpoint, number):
    endpoint.answer = says(f'{{"verdict": "pristine", "p_falsified": {number}}}')
    said = one(teacher())
    assert (said.outcome, said.p_falsified) == ("ok", None)


@pytest.mark.parametrize(
    "answer",
    [
        says("", finish_reason="content_filter"),
        lambda _: (200, {"choices": [{"message": {"content": None, "refusal": "I cannot."}}]}),
        lambda _: (400, {"error": {"code": "content_filter", "message": "The prompt was filtered."}}),
    ],
)
def test_a_model_that_declines_has_refused(teacher, endpoint, answer):
    endpoint.answer = answer
    said = one(teacher())
    assert (said.outcome, said.verdict) == ("refused", None)


@pytest.mark.parametrize("reply", [[], {}, {"choices": None}, {"choices": [7]}, {"choices": [{"message": "text"}]}])
def test_a_reply_of_another_form_is_unparsable(teacher, endpoint, reply):
    endpoint.answer = lambda _: (200, reply)
    assert one(teacher()).outcome == "unparsable"


def test_an_image_that_cannot_be_read_is_an_error_and_nobody_is_asked(teacher, endpoint):
    said = one(teacher(), image=Image(lambda: b"no image", "broken.jpg"))
    assert (said.outcome, said.usage.calls) == ("error", 0)
    assert said.rationale.startswith("is not an image that can be decoded")
    assert endpoint.asked == []


def test_the_image_is_sent_as_a_data_url_of_bounded_size(teacher, endpoint):
    one(teacher(longest_side=100), image=picture(400, 200))
    (_, _, question), *_ = endpoint.asked
    image, text = question["messages"][0]["content"]
    head, _, data = image["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert Pillow.open(BytesIO(base64.b64decode(data))).size == (100, 50)
    assert "Caption: Caption 0\n" in text["text"]


def test_the_model_is_told_the_evidence_only_where_that_is_asked_for(teacher, endpoint):
    from harness.api import Evidence

    item = Item("1", "A caption", picture(), Evidence(("Lima",), ("Voters in Lima",)))
    list(teacher().annotate([item]))
    list(teacher(evidence=True).annotate([item]))
    without, told = (question["messages"][0]["content"][1]["text"] for _, _, question in endpoint.asked)
    assert "Lima" not in without
    assert told.startswith("Things in the photograph: Lima\nPages that show it: Voters in Lima\n")
    assert "evidence" in teacher(evidence=True).reads() - teacher().reads()


def test_model_and_decoding_are_sent_and_the_price_is_counted(teacher, endpoint):
    said = one(teacher(model="a-model", temperature=0.5, max_tokens=77, usd_per_million=(2.0, 10.0)))
    (path, _, question), *_ = endpoint.asked
    assert path == "/v1/chat/completions"
    assert {name: question[name] for name in ("model", "temperature", "max_tokens")} == {
        "model": "a-model",
        "temperature": 0.5,
        "max_tokens": 77,
    }
    assert (said.usage.calls, said.usage.input_tokens, said.usage.output_tokens) == (1, 1000, 50)
    assert said.usage.usd == pytest.approx(0.0025)


def test_the_key_is_in_a_header_and_in_nothing_that_is_kept(teacher, endpoint):
    said = one(teacher())
    (_, headers, question), *_ = endpoint.asked
    assert headers["Authorization"] == "Bearer secret"
    assert "secret" not in json.dumps(question) + json.dumps(identity(teacher())) + repr(said) + repr(teacher())


def test_the_key_does_not_follow_a_redirect(teacher, endpoint, monkeypatch):
    from http.server import ThreadingHTTPServer
    from threading import Thread

    seen = []

    class Elsewhere(endpoint.RequestHandlerClass):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.reply(200, {})

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as other:
        thread = Thread(target=other.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        address = f"http://127.0.0.1:{other.server_port}/"

        def redirect(handler):
            handler.reply(302, {}, Location=address)

        monkeypatch.setattr(endpoint.RequestHandlerClass, "do_POST", redirect)
        one(teacher())
        other.shutdown()
        thread.join()
    assert len(seen) == 1
    assert "Authorization" not in seen[0]


def test_a_server_that_is_busy_is_asked_again(teacher, endpoint):
    usual = endpoint.answer
    endpoint.answer = lambda question: (503, {}) if len(endpoint.asked) < 3 else usual(question)
    assert one(teacher()).outcome in ("ok", "refused", "unparsable")
    assert len(endpoint.asked) == 3


def test_a_wrong_key_ends_the_step_at_once_with_a_remedy(teacher, endpoint):
    endpoint.answer = lambda _: (401, {"error": "who are you?"})
    with pytest.raises(HarnessError) as caught:
        one(teacher())
    assert caught.value.cause == 'Qwen/Qwen2.5-VL-7B-Instruct gave no answer: HTTP 401: {"error": "who are you?"}'
    assert "the key in HOSTED_API_KEY" in caught.value.remedy
    assert "secret" not in str(caught.value)
    assert len(endpoint.asked) == 1


def test_a_host_that_is_not_there_ends_the_step(hosted):
    with pytest.raises(HarnessError, match="gave no answer"):
        list(hosted(base_url="http://127.0.0.1:9/v1", attempts=2).annotate(items(1)))


def test_answers_on_their_way_are_kept_when_another_fails(teacher, endpoint):
    usual = endpoint.answer

    def answer(question):
        caption = question["messages"][0]["content"][1]["text"]
        return (400, {}) if "Caption 3\n" in caption else usual(question)

    endpoint.answer = answer
    given = []
    with pytest.raises(HarnessError):
        collections.deque(map(given.append, teacher(parallel=3).annotate(items(40))), maxlen=0)
    assert {said.item_id for said in given} >= {"0", "1", "2"}
    assert "3" not in {said.item_id for said in given}
    assert len(given) < 39


def test_transport_is_no_part_of_the_identity_and_decoding_is(teacher):
    key = digest(identity(teacher()))
    assert digest(identity(teacher(parallel=9, timeout=1, attempts=1, key_variable="OTHER"))) == key
    assert digest(identity(teacher(temperature=0.1))) != key
    assert digest(identity(teacher(longest_side=512))) != key


def test_it_keeps_the_contract_of_a_teacher(teacher):
    for check in checks_for(teacher()):
        check(teacher())
