"""NewsCLIPpings, VisualNews and a crawl in miniature, in their published layouts."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

FILES = {"train": "train", "validation": "val", "test": "test"}
NAMES = ["person_sbert_text_text", "scene_resnet_place", "semantics_clip_text_image", "semantics_clip_text_text"]
SOURCES = ("guardian", "bbc", "usa_today", "washington_post")


@dataclass
class Clippings:
    """What the files say; change it before they are written."""

    folder: Path
    pairs: dict = field(default_factory=lambda: {"train": 12, "validation": 4, "test": 8})
    subset: str = "merged_balanced"
    annotations: dict = field(default_factory=dict)
    articles: list = field(default_factory=list)

    def __post_init__(self):
        number = 0
        for split, pairs in self.pairs.items():
            rows = self.annotations[split] = []
            for place in range(pairs):
                caption, other = (self._article(number + step) for step in (0, 1))
                number += 2
                for image, falsified in ((caption, False), (other, True)):
                    row = {"id": caption, "image_id": image, "similarity_score": 0.5 + place / 100}
                    if self.subset == "merged_balanced":
                        row["source_dataset"] = place % 4
                    rows.append(row | {"falsified": falsified})

    def _article(self, number):
        source = SOURCES[number % 4]
        article = 1000 + 7 * number
        self.articles.append(
            {
                "id": article,
                "caption": f"What photograph {article} of the mayor shows",
                "topic": "world",
                "source": source,
                "image_path": f"./{source}/images/{number % 10:04}/{article}.png",
                "article_path": f"./{source}/articles/{article}.txt",
            }
        )
        return article

    @property
    def data(self):
        return self.folder / "visual_news" / "origin" / "data.json"

    @property
    def crawl(self):
        return self.folder / "queries_dataset" / self.subset

    def path(self, split):
        return self.folder / "news_clippings" / "data" / self.subset / f"{FILES[split]}.json"

    def image(self, article):
        row = next(row for row in self.articles if row["id"] == article)
        return self.data.parent / row["image_path"]

    def write(self, sources="list", images=True):
        named = NAMES if sources == "list" else {str(place): name for place, name in enumerate(NAMES)}
        for split, rows in self.annotations.items():
            self.path(split).parent.mkdir(parents=True, exist_ok=True)
            self.path(split).write_text(json.dumps({"annotations": rows, "source_datasets": named}))
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.data.write_text(json.dumps(self.articles))
        for article in self.articles if images else ():
            path = self.image(article["id"])
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4), (article["id"] % 256, article["id"] // 256, 0)).save(path)
        return self

    def pages(self, image):
        """What a search with an image finds, as the crawl writes it."""
        own = next(row["caption"] for row in self.articles if row["id"] == image)
        page = {
            "page_link": f"https://news.example.org/{image}",
            "image_link": "https://x.example/a.jpg",
            "html_path": "",
        }
        return {
            "entities": ["City hall", "Mayor &amp; council"],
            "entities_scores": [0.9, 0.5],
            "best_guess_lbl": [f"mayor {image}"],
            "all_fully_matched_captions": [
                page | {"title": f"Mayor visits number {image}", "caption": {"caption_node": own, "alt_node": own}}
            ],
            "all_partially_matched_captions": [page | {"caption": {"alt_node": "The <b>mayor</b>&#39;s day"}}],
            "partially_matched_no_text": [page],
            "fully_matched_no_text": [page | {"title": f"Album {image}"}],
        }

    def found(self, caption):
        """What a search with a caption finds."""
        entry = {"img_link": "https://x.example/b.jpg", "page_link": "https://daily.example.org/1", "domain": "daily"}
        return {
            "images_with_captions": [
                entry | {"page_title": f"Report on {caption}", "caption": {"alt_node": "At work"}}
            ],
            "images_with_no_captions": [entry | {"page_title": "Archive", "snippet": "From the archive"}],
            "images_with_caption_matched_tags": [],
        }

    def write_crawl(self, parts=6, direct="direct_annotation.json", index=True, items=True, without=()):
        """``parts`` of train as they are shared; ``without`` are pairs of a split and a place without results."""
        for split, rows in self.annotations.items():
            name, listed, indices = FILES[split], {}, {}
            for place, row in enumerate(rows):
                if (split, place) in without:
                    continue
                part = place * parts // len(rows) + 1
                inner = f"{name}_pt{part}/{name}" if split == "train" and parts else name
                own = f"inverse_search/{inner}/{place}"
                self._put(own, "inverse_annotation.json", self.pages(row["image_id"]))
                even = place - place % 2
                paired = f"direct_search/{inner if even == place else listed_part(listed, even, inner)}/{even}"
                if even == place:
                    self._put(paired, direct, self.found(row["id"]))
                listed[str(place)] = {"direct_path": paired, "inv_path": own}
                ids = {"image_id_in_visualNews": row["image_id"], "text_id_in_visualNews": row["id"]}
                indices.setdefault(inner, {})[str(place)] = ids | {"folder_path": f"queries_dataset/x/{own}"}
            if items:
                (self.crawl / f"dataset_items_{name}.json").write_text(json.dumps(listed))
            for inner, places in indices.items() if index else ():
                (self.crawl / "inverse_search" / inner / f"{name}.json").write_text(json.dumps(places))
        return self

    def _put(self, folder, name, content):
        path = self.crawl / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


def listed_part(listed, even, inner):
    """The part in which the even place of a pair lies."""
    return listed[str(even)]["direct_path"].split("/", 1)[1].rsplit("/", 1)[0] if str(even) in listed else inner
