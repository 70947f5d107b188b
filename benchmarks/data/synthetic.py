"""Files in the formats of NewsCLIPpings, VisualNews and the crawl, of any size, with sentences of drawn words."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

SOURCES = ("guardian", "bbc", "usa_today", "washington_post")
DATASETS = ("person_sbert_text_text", "scene_resnet_place", "semantics_clip_text_image", "semantics_clip_text_text")

# VisualNews has 1.2 million articles, and captions of some eighteen words.
ARTICLES = 1_300_000
WORDS = 18
PAGES = 9


def write(folder: Path, entries: int, with_evidence: bool) -> None:
    """Annotations of so many entries over their articles and, if asked for, evidence of each, as published."""
    rng = random.Random(0)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(5_000)]
    ids = rng.sample(range(ARTICLES), entries)
    annotations = list(_pairs(rng, ids))
    _write(folder / "merged_balanced" / "train.json", {"annotations": annotations, "source_datasets": DATASETS})
    articles = [_article(rng, words, number) for number in ids]
    _write(folder / "visual_news" / "origin" / "data.json", articles)
    if with_evidence:
        searched = searched_in(folder)
        for place in range(entries):
            _write(searched / str(place) / "inverse_annotation.json", _found(rng, words))
        seen = {place: {"image_id_in_visualNews": row["image_id"]} for place, row in enumerate(annotations)}
        _write(searched / "train.json", seen)


def searched_in(folder: Path) -> Path:
    """Where evidence of the training entries lies."""
    return folder / "queries_dataset" / "merged_balanced" / "inverse_search" / "train"


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def _pairs(rng: random.Random, ids: list[int]) -> Iterator[dict[str, object]]:
    """A pristine entry and its falsified twin, in turns."""
    for caption, other in zip(ids[::2], ids[1::2], strict=True):
        dataset = rng.randrange(len(DATASETS))
        for image in (caption, other):
            score = {"similarity_score": rng.random(), "source_dataset": dataset}
            yield {"id": caption, "image_id": image, **score, "falsified": image != caption}


def _article(rng: random.Random, words: list[str], number: int) -> dict[str, object]:
    source = SOURCES[number % 4]
    return {
        "id": number,
        "caption": _sentence(rng, words, WORDS),
        "topic": "world",
        "source": source,
        "image_path": f"./{source}/images/{number // 1000:04}/{number % 1000:03}.jpg",
        "article_path": f"./{source}/articles/{number}.txt",
    }


def _found(rng: random.Random, words: list[str]) -> dict[str, object]:
    pages = [
        {
            "page_link": f"https://www.{rng.choice(words)}.example/{rng.random()}",
            "image_link": f"https://images.example/{rng.random()}.jpg",
            "html_path": f"queries_dataset/{rng.random()}.txt",
            "title": _sentence(rng, words, 9),
            "caption": {"caption_node": _sentence(rng, words, WORDS), "alt_node": _sentence(rng, words, 6)},
        }
        for _ in range(PAGES)
    ]
    return {
        "entities": [_sentence(rng, words, 2) for _ in range(10)],
        "entities_scores": [rng.random() for _ in range(10)],
        "best_guess_lbl": [_sentence(rng, words, 3)],
        "all_fully_matched_captions": pages[: PAGES // 2],
        "all_partially_matched_captions": pages[PAGES // 2 :],
        "partially_matched_no_text": [],
        "fully_matched_no_text": [],
    }


def _sentence(rng: random.Random, words: list[str], count: int) -> str:
    return " ".join(rng.choices(words, k=count))
