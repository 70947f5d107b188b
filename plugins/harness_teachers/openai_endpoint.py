"""An OpenAI-compatible server: one question, and the body of its answer or what went wrong."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, Literal

from harness.api import HarnessError, MissingDependency

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import APIStatusError

LONGEST_BODY = 4_000_000
"""Bytes of an answer that are read; one with all log-probabilities has some hundred thousand."""
LONGEST_SEEN = 300
SHORTEST_KEY = 8
"""Characters below which a key is no secret, but a word for a server that wants one."""

Kind = Literal["refused", "away", "broken", "lost", "rejected", "filtered", "closed"]
"""``refused``: not now. ``away``: nobody is there. ``broken``: the server is ill, or its answer is. ``lost``: no answer
in time, or the line broke. ``rejected``: not this question. ``filtered``: not this content. ``closed``: nothing."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer; ``seen`` is what the server said, without the key."""

    kind: Kind
    seen: str
    retry_after: float | None = None
    status: int = 0


class Endpoint:
    """A connection pool to one server, by the official client. Made and closed in the loop that uses it."""

    def __init__(self, base_url: str, key: str, key_variable: str, timeout_s: float) -> None:
        try:
            # Clients before 3.57 have another HTTP library below them.
            import httpx2  # noqa: F401
            from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Omit
        except ImportError:
            raise MissingDependency(
                "teacher openai needs the package openai, 3.57 or later", remedy="pip install 'ooc-harness[openai]'"
            ) from None
        if not re.fullmatch(r"[\x21-\x7e]*", key):
            raise HarnessError(
                "the key has characters that no HTTP header can hold",
                place=key_variable,
                remedy=f"set {key_variable} again, without blanks and line ends",
            )
        self._key, self._timeout_s = key, timeout_s
        # Without a key there is no header for one.
        self._headers: dict[str, Any] = {} if key else {"Authorization": Omit()}
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",
            # Retries are ours: the client's own know nothing of the other calls.
            max_retries=0,
            timeout=timeout_s,
            default_headers={"Accept-Encoding": "identity"},
            http_client=DefaultAsyncHttpxClient(
                # A redirected question is another server's, and the key with it.
                follow_redirects=False,
                event_hooks={"response": [_bound]},
                timeout=timeout_s,
            ),
        )

    async def close(self) -> None:
        """End all connections."""
        await self._client.close()

    def scrub(self, text: str) -> str:
        """The text without the key, should the server say it."""
        return text.replace(self._key, "[key]") if len(self._key) >= SHORTEST_KEY else text

    async def ask(self, question: Mapping[str, Any]) -> dict[str, Any] | Trouble:
        """The JSON object that the server answers with, or what went wrong; raises nothing."""
        import httpx2
        import openai

        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._client.chat.completions.with_raw_response.create(
                    **question, extra_headers=self._headers
                )
        except openai.APIStatusError as error:
            return self._told(error)
        except (openai.APITimeoutError, TimeoutError) as error:
            if isinstance(error.__cause__, httpx2.ConnectTimeout):
                return Trouble("away", "no connection in time")
            return Trouble("lost", f"no answer within {self._timeout_s:g} s")
        except openai.APIConnectionError as error:
            cause = error.__cause__
            seen = self._short(f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__)
            return Trouble("away" if isinstance(cause, httpx2.ConnectError) else "lost", seen)
        return self._body(reply.content)

    def _body(self, content: bytes) -> dict[str, Any] | Trouble:
        if len(content) > LONGEST_BODY:
            return Trouble("broken", f"an answer of more than {LONGEST_BODY:,} bytes")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return Trouble("broken", self._short(f"no JSON: {content[:LONGEST_SEEN].decode(errors='replace')}"))
        if not isinstance(body, dict):
            return Trouble("broken", "no JSON object")
        if isinstance(body.get("error"), dict):
            # Gateways tell of a failed server behind them with status 200.
            code = body["error"].get("code")
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            return Trouble(_kind(status, json.dumps(body["error"])), self._short(_message(body)), status=status)
        return body

    def _told(self, error: APIStatusError) -> Trouble:
        status, headers = error.status_code, error.response.headers
        text = error.response.text
        seen = f"HTTP {status}: {_message(error.body) or text}"
        if 300 <= status < 400:
            seen = f"HTTP {status}: it has moved to {headers.get('location', 'nowhere')}"
        return Trouble(_kind(status, text), self._short(seen), wait_asked_for(headers), status)

    def _short(self, text: str) -> str:
        text = self.scrub(" ".join("".join(c if c.isprintable() else " " for c in text).split()))
        return text if len(text) <= LONGEST_SEEN else text[:LONGEST_SEEN] + "…"


def _kind(status: int, text: str) -> Kind:
    if "content_filter" in text or "content_policy" in text:
        return "filtered"
    if status in (425, 429):
        return "closed" if "insufficient_quota" in text else "refused"
    if status in (408, 409):
        return "lost"
    if status >= 500:
        return "broken"
    return "closed" if status in (401, 402, 403, 404, 405) or status < 400 else "rejected"


def _message(body: object) -> str:
    """What an error's body says; servers put it into different places."""
    for name in ("error", "message", "detail"):
        if isinstance(body, Mapping) and (inner := body.get(name)):
            return inner if isinstance(inner, str) else _message(inner) or json.dumps(inner)
    return ""


def wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait; None where it does not, or not in a form that can be read."""
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        else:
            seconds = float(headers["retry-after"])
    except KeyError:
        return None
    except ValueError:
        try:
            seconds = parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds == seconds else None


async def _bound(response: Response) -> None:
    """Read no more of a body than is of use, as it is: nothing is unpacked, so nothing small becomes large."""
    from httpx2 import AsyncByteStream

    class Bound(AsyncByteStream):
        def __init__(self, stream: AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self._stream:
                yield chunk
                size += len(chunk)
                if size > LONGEST_BODY:
                    return

        async def aclose(self) -> None:
            await self._stream.aclose()

    assert isinstance(response.stream, AsyncByteStream)
    response.stream = Bound(response.stream)
    response.headers.pop("content-encoding", None)
