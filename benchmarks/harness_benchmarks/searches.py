"""Results of a web search with an image, as Google's custom search gave them: one JSON file an image."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from harness.api import DataError, Evidence
from harness_benchmarks.published import damaged

MAX_BYTES = 5_000_000
"""The largest published file has about 60,000; a parser is not to be handed gigabytes by a stranger."""

_NAME = re.compile(r"(true|false)_inverse_(\d{1,9})\.json")


def found_with_images(folder: Path, origin: str) -> dict[str, Evidence]:
    """What was found with each image, by the image's name without ending, from ``KIND_inverse_NUMBER.json``.

    The results of a search with a caption lie beside them, as ``KIND_direct_NUMBER.json``, and are not read:
    they know the caption, and evidence is what is found with the image alone.
    """
    return {
        f"{name[1]}_{int(name[2])}": results_of(path, origin)
        for path in sorted(folder.iterdir())
        if (name := _NAME.fullmatch(path.name)) and path.is_file()
    }


def results_of(path: Path, origin: str) -> Evidence:
    """The titles of the pages, and their addresses; raises `DataError` where the file is damaged."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise damaged(path, f"has more than {MAX_BYTES:,} bytes", origin)
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", place=path.name) from None
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not JSON: {error}", origin) from None
    if not isinstance(found, list):
        raise damaged(path, "is not a list of search results", origin)
    pairs = [_result(path, place, result, origin) for place, result in enumerate(found)]
    titled = [(title, page) for title, page in pairs if title]
    return Evidence(captions=tuple(title for title, _ in titled), sources=tuple(page for _, page in titled))


def _result(path: Path, place: int, result: object, origin: str) -> tuple[str, str]:
    """Title and address of the page on which the image stands; a search without a result is one without a title."""
    if not isinstance(result, Mapping):
        raise damaged(path, f"result {place} is not an object", origin)
    image = result.get("image")
    page = image.get("contextLink") if isinstance(image, Mapping) else result.get("link")
    texts = [text if text is not None else "" for text in (result.get("title"), page)]
    if not all(isinstance(text, str) for text in texts):
        raise damaged(path, f"result {place} has a title or an address that is no text", origin)
    return str(texts[0]).strip(), str(texts[1])
