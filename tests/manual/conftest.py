"""The manual's pages as a reader follows them: blocks, a terminal to type into, and a server for hosted models."""

import json
import os
import re
import subprocess
import sys
import venv
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread, Timer
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r'^( *)```(\w+)(?: title="([^"]*)")?\n(.*?)^\1```$', re.MULTILINE | re.DOTALL)
FILE = re.compile(r"[\w./-]+\.\w+\Z")
END = "-- end of the command, status"


class Block(NamedTuple):
    kind: str
    title: str
    text: str
    line: int

    @property
    def is_file(self):
        return bool(FILE.match(self.title))


def blocks_of(page):
    """Fenced blocks with the line of their fence; a title names a file or says why the block is not run."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        lines = [line.removeprefix(found[1]) for line in found[4].splitlines()]
        body = "".join(f"{line}\n" for line in lines)
        yield Block(found[2], found[3] or "", body, text.count("\n", 0, found.start()) + 1)


class Terminal:
    """A shell in a folder, with an environment of its own in which all is installed that is installed here."""

    def __init__(self, folder):
        self.folder = folder
        home = folder.parent / "home"
        venv.create(home / "env")
        link(home / "env")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "PIP_"))}
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=kept
            | {
                "PATH": f"{home / 'env/bin'}:{os.environ['PATH']}",
                "HOME": str(home),
                "COLUMNS": "100",
                "OMP_NUM_THREADS": "1",
                "NO_PROXY": "127.0.0.1",
                # A plugin is built with what is installed here: pip's switch for that is a nought.
                "PIP_NO_INDEX": "1",
                "PIP_NO_BUILD_ISOLATION": "0",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.timer = Timer(300, self.shell.kill)

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        self.shell.kill()
        self.shell.communicate()

    def type(self, command):
        """What the command writes, and its status."""
        # An environment that the page has made gets what the page would install from the network.
        for made in self.folder.glob("**/.venv/pyvenv.cfg"):
            link(made.parent)
        self.shell.stdin.write(f"{{ {command}\n}} </dev/null\nended=$?; echo; echo '{END}' $ended\n")
        self.shell.stdin.flush()
        lines = []
        for line in self.shell.stdout:
            if line.startswith(END):
                return "".join(lines).removesuffix("\n"), int(line.split()[-1])
            lines.append(line)
        raise AssertionError(f"{command}: the shell ended\n{''.join(lines)}")


def link(environment):
    """What is installed here is installed there too; what is installed there stays there."""
    packages = next(environment.glob("lib/python*/site-packages"))
    paths = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "tested.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in paths))
    for name, module in (("harness", "harness.cli"), ("pip", "pip._internal.cli.main")):
        script = environment / "bin" / name
        if not script.exists():
            script.write_text(
                f"#!{environment / 'bin/python'}\nimport sys\n\nfrom {module} import main\n\n"
                "if __name__ == '__main__':\n    sys.exit(main())\n"
            )
            script.chmod(0o755)


def commands_of(text):
    """Each command with the lines that the manual says it writes; ``> `` goes on with a command."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> "):
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", found[-1][1])
        else:
            found[-1][1].append(line)
    return found


def pattern_of(lines):
    """A line of one ellipsis stands for any lines, an ellipsis in a line for any text."""
    parts = [
        "(?:.*\n)*" if line.strip() == "…" else ".*".join(map(re.escape, line.rstrip().split("…"))) + " *\n"
        for line in lines
    ]
    return re.compile("".join(parts))


def execute(pages, folder, changes=()):
    """Run pages from top to bottom, one after the other: files are written, commands typed, snippets run."""
    folder.mkdir()
    with Terminal(folder) as terminal:
        for page, block in ((source, block) for source in pages for block in blocks_of(source)):
            text, where = block.text, f"{page.name}:{block.line}"
            for old, new in changes:
                text = text.replace(old, new)
            if block.is_file:
                file = Path(terminal.type("pwd")[0].strip()) / block.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            elif block.kind == "console" and not block.title:
                for command, expected in commands_of(text):
                    written, status = terminal.type(command)
                    assert status == 0, f"{where}: {command} ended with {status}\n{written}"
                    fits = not expected or pattern_of(expected).fullmatch(f"{written.rstrip()}\n")
                    assert fits, f"{where}: {command} wrote\n{written}\nand not\n" + "\n".join(expected)
            elif block.kind == "python" and not block.title:
                written, status = terminal.type(f"python - <<'SNIPPET'\n{text}SNIPPET")
                assert status == 0, f"{where}:\n{written}"
    return folder


class Endpoint(BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that looks at the caption only; its server's ``answer`` may be another."""

    def do_GET(self):
        self.reply(200, {"data": [{"id": "Qwen/Qwen2.5-VL-7B-Instruct"}]})

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers, question))
        self.reply(*self.server.answer(question))

    def reply(self, status, body, **headers):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def answer_of(question):
    """What a model might answer: most often a verdict, now and then something else."""
    text = question["messages"][0]["content"][1]["text"]
    caption = text.partition("=== caption ===\n")[2].partition("\n")[0]
    number = int(sha256(caption.encode()).hexdigest(), 16)
    verdict = "falsified" if number % 2 else "pristine"
    said = json.dumps({"rationale": "It looks so.", "verdict": verdict, "p_falsified": 0.9 if number % 2 else 0.2})
    message = {"content": f"Let me see.\n```json\n{said}\n```"}
    if number % 11 == 0:
        message = {"content": None, "refusal": "I cannot help with that."}
    if number % 11 == 3:
        message = {"content": "I think it is fine."}
    usage = {"prompt_tokens": 1000, "completion_tokens": 50}
    return 200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


@pytest.fixture
def endpoint():
    """The server; ``asked`` are the requests so far, ``address`` is where it is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        server.asked, server.answer = [], answer_of
        server.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


SERVED = ["hosted-teachers.md", "vllm.md"]
"""Pages about models that a server has; the second goes on from the first."""


def pytest_generate_tests(metafunc):
    """A test that asks for ``page`` is run for every page with commands or snippets, less those about served models."""
    if "page" in metafunc.fixturenames:
        pages = [
            page
            for page in sorted((ROOT / "docs").rglob("*.md"))
            if page.name not in SERVED and any(block.kind in ("console", "python") for block in blocks_of(page))
        ]
        metafunc.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT / "docs")))


@pytest.fixture
def served():
    return [ROOT / "docs/how-to" / name for name in SERVED]


@pytest.fixture(name="execute")
def execute_fixture():
    return execute


@pytest.fixture(name="blocks_of")
def blocks_of_fixture():
    return blocks_of
