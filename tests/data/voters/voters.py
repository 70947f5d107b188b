"""A teacher whose answers are drawn by a seed, and that has a prompt and shows a picture."""

from pathlib import Path

from harness.api import Annotation, Preview, Teacher, UnreadableImage, Usage, hookimpl, seed_from
from harness_teachers.picture import encode
from harness_teachers.prompt import Prompt


class Coin(Teacher):
    """Says falsified with a probability, and fails with others."""

    name = "coin"
    transport = frozenset({"log"})

    prompt: Prompt = Prompt()
    """What it would be asked."""
    temperature: float = 1.0
    """No chance where it is 0."""
    seed: int | None = 0
    """Which way it falls."""
    falsified: float = 0.5
    """Share of the answers that are falsified."""
    refused: float = 0.0
    """Share of the answers that are refused, of all."""
    error: float = 0.0
    """Share of the answers that are errors, of all."""
    backwards: bool = False
    """Whether the last item is answered first."""
    log: str = ""
    """File to which each answer adds a line."""

    def reads(self):
        return frozenset({"image"})

    def preview(self, item):
        if item.image is None:
            raise UnreadableImage("there is no image", place=item.id)
        return Preview(self.prompt.render(item), encode(item.image, 64, 80))

    def annotate(self, items):
        return map(self._fall, list(items)[::-1] if self.backwards else items)

    def _fall(self, item):
        if self.log:
            with Path(self.log).open("a") as log:
                log.write(f"{item.id} {self.seed}\n")
        try:
            if item.image:
                item.image.open()
        except UnreadableImage as error:
            return Annotation(item.id, "error", rationale=error.cause, usage=Usage(calls=0))
        place = seed_from(self.seed, item.caption) / 2**31
        usage = Usage(1, 10, 2, 0.5)
        if place < self.error:
            return Annotation(item.id, "error", rationale=f"lost {self.seed}", usage=usage, again=True)
        if place < self.error + self.refused:
            return Annotation(item.id, "refused", rationale=f"no {self.seed}", usage=usage)
        share = (place - self.error - self.refused) / max(1 - self.error - self.refused, 1e-9)
        verdict = "falsified" if share < self.falsified else "pristine"
        audit = {"said": "heads\a, of course"}
        return Annotation(item.id, "ok", verdict, rationale=f"\x1b[31mheads {self.seed}", usage=usage, audit=audit)


@hookimpl
def harness_teachers():
    return [Coin]
