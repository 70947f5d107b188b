"""An OpenAI-compatible server that fails as it is told: by the captions that it is asked about, or by limits.

A caption that begins with ``[html]`` is answered with an HTML page, one with ``[e500 x2]`` twice with a 500 and then
well; `FAULTS` has them all. It runs in a thread of a test, or as a program that tells its port:

    python faultserver.py --delay 0.05 --most 8 --rate 50
"""

import argparse
import asyncio
import gzip
import json
import re
import threading
import time
from collections import Counter
from hashlib import sha256

MARKED = re.compile(r"=== caption ===\n(.*?)\n=== end of caption ===", re.DOTALL)
FAULT = re.compile(r"\[([a-z0-9-]+)(?: x(\d+))?\]")
GIANT = 50_000_000


class FaultServer:
    """Counts by (model, caption): ``asked`` are requests, ``billed`` those that a real server would bill."""

    def __init__(self, *, delay=0.0, most=0, rate=0.0, burst=1.0, whole_seconds=False, without=(), tell=None):
        self.delay, self.most, self.rate, self.burst = delay, most, rate, burst
        self.whole_seconds, self.without, self.tell, self.hint = whole_seconds, set(without), tell, ""
        self.asked, self.billed, self.status = Counter(), Counter(), Counter()
        self.questions, self.headers, self.captions = [], [], []
        self.open = self.peak = 0
        self.tokens, self.at = burst, time.monotonic()

    def __enter__(self):
        started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve(started.set)), daemon=True)
        self.thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(10)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, begun, port=0):
        self.loop, self.over, self.tasks = asyncio.get_running_loop(), asyncio.Event(), set()
        server = await asyncio.start_server(self.connected, "127.0.0.1", port, backlog=1024, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        begun()
        await self.over.wait()
        server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def connected(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                self.headers.append(dict(line.split(": ", 1) for line in lines[1:] if ": " in line))
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self.handle(lines[0].split()[1], body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()

    async def handle(self, path, body, writer):
        """Whether the connection stays."""
        if path == "/counts":
            return await send(
                writer, 200, {"asked": pairs(self.asked), "billed": pairs(self.billed), "open": self.open}
            )
        if not path.endswith("/chat/completions"):
            return await send(writer, 200, {"data": [{"id": "model"}]})
        question = json.loads(body)
        caption = caption_of(question)
        key = (question["model"], caption)
        self.asked[key] += 1
        self.questions.append(question)
        self.captions.append(caption)
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            return await self.answer(question, caption, key, writer)
        finally:
            self.open -= 1

    async def answer(self, question, caption, key, writer):
        if refused := self.refusal():
            self.status[429] += 1
            return await send(writer, 429, {"error": {"message": "slow down"}}, **refused)
        for part in self.without & question.keys():
            return await send(writer, 400, {"error": {"message": f"{part} is not supported{self.hint}"}})
        fault = FAULT.match(caption)
        if fault and self.asked[key] <= int(fault[2] or 10**9):
            self.status[fault[1]] += 1
            return await FAULTS[fault[1]](self, question, caption, key, writer)
        return await self.well(question, caption, key, writer)

    def refusal(self):
        """Headers with which a call is refused by the limits, or nothing."""
        if self.most and self.open > self.most:
            return {"X-Limit": "concurrency"}
        now = time.monotonic()
        self.tokens, self.at = min(self.burst, self.tokens + (now - self.at) * self.rate), now
        if self.rate and self.tokens < 1:
            seconds = (1 - self.tokens) / self.rate
            return {"Retry-After": str(int(seconds) + 1) if self.whole_seconds else f"{seconds:.3f}"}
        self.tokens -= 1
        return None

    async def well(self, question, caption, key, writer, **changes):
        self.billed[key] += 1
        self.status[200] += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        text = self.tell(caption) if self.tell else said(caption)
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        if question.get("logprobs"):
            choice["logprobs"] = {"content": tokens_of(text)}
        choice |= changes.pop("choice", {})
        usage = {"prompt_tokens": 1000, "completion_tokens": 50}
        return await send(writer, 200, {"model": "served-model", "choices": [choice], "usage": usage, **changes})


def caption_of(question):
    content = question["messages"][0]["content"]
    text = "\n".join(part["text"] for part in content if part["type"] == "text")
    marked = MARKED.search(text)
    return marked[1] if marked else text


def verdict_of(caption):
    return "falsified" if sha256(caption.encode()).digest()[0] % 2 else "pristine"


def said(caption):
    return json.dumps({"verdict": verdict_of(caption), "confidence": 0.75, "rationale": "It looks so."})


def tokens_of(text):
    """Tokens with log-probabilities: the verdict's word has 0.9, the other one 0.1."""
    tokens = re.findall(r"pri|fals|\w+|\s+|[^\w\s]", text)
    other = {"pri": "fals", "fals": "pri"}
    return [
        {
            "token": token,
            "logprob": -0.10536,
            "top_logprobs": [
                {"token": token, "logprob": -0.10536},
                {"token": other.get(token, "#"), "logprob": -2.30259},
            ],
        }
        for token in tokens
    ]


def pairs(counter):
    return [[*key, count] for key, count in counter.items()]


async def send(writer, status, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items())
    writer.write(f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + content)
    await writer.drain()
    return True


def fixed(status, body, **headers):
    async def fault(server, question, caption, key, writer):
        return await send(writer, status, body, **headers)

    return fault


def choice(**changes):
    async def fault(server, question, caption, key, writer):
        return await server.well(question, caption, key, writer, choice=changes)

    return fault


def content(text):
    return choice(message={"role": "assistant", "content": text})


async def slow(server, question, caption, key, writer):
    await asyncio.sleep(60)
    return False


async def drip(server, question, caption, key, writer):
    """A byte now and then: no single read ever takes long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(1200):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)
    return False


async def cut(server, question, caption, key, writer):
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"choices": [')
    await writer.drain()
    return False


async def closed(server, question, caption, key, writer):
    return False


async def giant(server, question, caption, key, writer):
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {GIANT}\r\n\r\n".encode())
    for _ in range(GIANT // 100_000):
        writer.write(b" " * 100_000)
        await writer.drain()
    return True


async def echo_key(server, question, caption, key, writer):
    """A debugging server that tells what it was sent."""
    return await send(writer, 400, {"error": {"message": f"bad request with {server.headers[-1]}"}})


async def say_key(server, question, caption, key, writer):
    sent = {name.lower(): value for name, value in server.headers[-1].items()}.get("authorization", "")
    text = json.dumps({"verdict": "pristine", "rationale": f"You sent {sent}"})
    return await server.well(
        question, caption, key, writer, choice={"message": {"role": "assistant", "content": text}, "logprobs": None}
    )


HTML = b"<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>"

FAULTS = {
    "e429": fixed(429, {"error": {"message": "slow down"}}, Retry_After="0.05"),
    "e429-bare": fixed(429, {"error": {"message": "slow down"}}),
    "e429-day": fixed(429, {"error": {"message": "daily limit"}}, Retry_After="86400"),
    "e429-quota": fixed(429, {"error": {"message": "You exceeded your quota.", "code": "insufficient_quota"}}),
    "e500": fixed(500, {"error": {"message": "an error"}}),
    "e503": fixed(503, b"overloaded"),
    "e400": fixed(400, {"error": {"message": "image is too large"}}),
    "e401": fixed(401, {"error": {"message": "who are you?"}}),
    "e404": fixed(404, {"error": {"message": "the model does not exist"}}),
    "moved": fixed(307, b"", Location="http://127.0.0.1:1/elsewhere"),
    "html": fixed(200, HTML),
    "html-502": fixed(502, HTML),
    "malformed": fixed(200, b'{"choices": [{"message": {"content": "a'),
    "deep": fixed(200, b"[" * 100_000),
    "error-200": fixed(200, {"error": {"message": "upstream failed", "code": 502}}),
    "no-choices": fixed(200, {"choices": []}),
    "odd-choices": fixed(200, {"choices": [{"message": "text"}]}),
    "gzip": fixed(200, gzip.compress(b" " * 10_000_000), Content_Encoding="gzip"),
    "slow": slow,
    "drip": drip,
    "cut": cut,
    "closed": closed,
    "giant": giant,
    "giant-text": content('{"verdict": "pristine", "rationale": "' + "word " * 200_000 + '"}'),
    "refusal": choice(message={"role": "assistant", "content": None, "refusal": "I cannot help with that."}),
    "refusal-text": content("I'm sorry, but I can't assist with that."),
    "filter": choice(finish_reason="content_filter", message={"role": "assistant", "content": ""}),
    "filter-400": fixed(400, {"error": {"message": "The prompt was filtered.", "code": "content_filter"}}),
    "empty": content(""),
    "none": content(None),
    "schema": content('{"answer": {"label": 1}}'),
    "maybe": content('{"verdict": "maybe", "rationale": "Who knows."}'),
    "both": content('{"verdict": "pristine"} {"verdict": "falsified"}'),
    "words": content("Verdict: falsified\n\nThe place is another."),
    "fenced": content('Let me see.\n```json\n{"verdict": "pristine", "rationale": "It fits."}\n```'),
    "parts": content(
        [{"type": "text", "text": '{"verdict": "pristine", '}, {"type": "text", "text": '"rationale": ""}'}]
    ),
    "echo-key": echo_key,
    "say-key": say_key,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--burst", type=float, default=1.0)
    parser.add_argument("--whole-seconds", action="store_true")
    given = vars(parser.parse_args())
    port = given.pop("port")
    server = FaultServer(**given)
    asyncio.run(server.serve(lambda: print(server.port, flush=True), port))


if __name__ == "__main__":
    main()
