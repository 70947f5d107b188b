"""Items, answers and logs for the views of test_report_html.py, with any text in every place that has text."""

from dataclasses import dataclass
from functools import partial
from io import BytesIO

import numpy as np
from PIL import Image as Pillow

from harness.api import Annotation, Evidence, Image, Item, Prediction, Ranked

TEACHERS = ("entity-checker", "title-reader")
BROKEN = Image(lambda: b"<svg onload=alert(1)>", "broken")


def picture(number):
    return Image(partial(png, number), f"picture {number}")


def png(number):
    pixels = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(40, 0).repeat(40, 1)
    out = BytesIO()
    Pillow.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@dataclass(frozen=True)
class DemoDetails:
    """Items of two splits; every third is disputed, half have no good picture, seed 0 gets the first five wrong."""

    text: str = ""
    size: int = 20

    def items(self, benchmark, split):
        found = {}
        for number in range(self.size):
            evidence = Evidence((f"Arden{self.text}", f"crowd{self.text}"), (f"The flood in Arden{self.text}",) * 8)
            image = None if number % 4 == 2 else BROKEN if number % 4 == 3 else picture(number)
            name = f"{split}-{number}{self.text}"
            found[name] = Item(name, f"A flood in Arden, {number}.{self.text}", image, evidence)
        return found

    def truth(self, benchmark):
        return {name: "falsified" if place % 2 else "pristine" for place, name in enumerate(self.items("", "test"))}

    def teachers(self, teacher_set):
        return tuple(teacher + self.text for teacher in TEACHERS) if teacher_set else ()

    def annotations(self, benchmark, split):
        return {
            teacher + self.text: {
                name: self._annotation(name, place, teacher) for place, name in enumerate(self.items("", split))
            }
            for teacher in TEACHERS
        }

    def _annotation(self, name, place, teacher):
        if place == 7:
            return Annotation(name, "refused", rationale=f"I must not say.{self.text}")
        falsified = bool(place % 2) != (teacher == "title-reader" and place % 3 == 0)
        words = f"{teacher} looked for Arden.{self.text}"
        return Annotation(name, "ok", "falsified" if falsified else "pristine", 0.9 if falsified else 0.1, words)

    def ranking(self, rule, teachers, benchmark):
        names = list(self.items("", "train"))
        return [Ranked(name, 1.0 - place / 100, place % 3 == 0) for place, name in enumerate(names)]

    def predictions(self, cell, evaluated_on):
        truth = self.truth("")
        first = not cell.removesuffix(self.text).endswith(("/1", "/2"))
        return {
            name: self._prediction(name, verdict, wrong=place < (5 if first else 3))
            for place, (name, verdict) in enumerate(truth.items())
        }

    def _prediction(self, name, truth, wrong):
        falsified = (truth == "falsified") != wrong
        return Prediction(name, "ok", "falsified" if falsified else "pristine", 0.8 if falsified else 0.2, self.text)

    def proved(self, cell, evaluated_on):
        return {"verdict_agreement": {"items": 16, "parsable": 10, "agree": 0.9, "note": self.text}}

    def trainings(self, cell):
        return (f"{cell}:1", f"{cell}:2")

    def log(self, step):
        lines = [{"loss": 2.0 / (number + 1), "step": 10 * number, "note": self.text} for number in range(300)]
        for line in lines:
            line |= {"grad_norm": 0.5, "drift/chosen": -line["step"] / 1e3, "drift/rejected": -line["step"] / 1e2}
        return [*lines, {"loss": "high", "step": 3000}, {"loss": float("nan"), "step": 3001}, {"lr": 0.1}]

    def measured(self, step):
        line = {"peak_bytes": 3.5e9, "note": self.text}
        return [{**line, "step": number, "tokens_per_second": 1500.0 + number} for number in range(1, 9)]
