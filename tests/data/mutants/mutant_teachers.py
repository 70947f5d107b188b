"""Teachers with one fault each. ``breaks`` is the rule that must find it, ``seen`` what it must say."""

import random
from dataclasses import replace
from typing import ClassVar

from harness.api import Annotation, Teacher, Usage, hookimpl


class Sound(Teacher):
    """Falsified where no page names a word of the caption that begins with a capital letter."""

    name = "sound"
    doubt: float = 0.2
    """Probability of falsified where the words are there."""

    def annotate(self, items):
        for item in items:
            yield self.say(item)

    def say(self, item):
        words = [word for word in item.caption.split() if word.istitle()]
        there = any(word in page for word in words[1:] for page in item.evidence.captions)
        return Annotation(
            item.id, "ok", "pristine" if there else "falsified", self.doubt if there else 0.9, "So I read."
        )


class Forgetful(Sound):
    """Leaves the last item out."""

    name = "forgetful"
    breaks: ClassVar = "answers every item exactly once"
    seen: ClassVar = "1 of 8 items have no answer"

    def annotate(self, items):
        return [self.say(item) for item in (items[:-1] if len(items) > 1 else items)]


class Repeats(Sound):
    """Answers twice."""

    name = "repeats"
    breaks: ClassVar = "answers every item exactly once"
    seen: ClassVar = "8 items have 16 answers"

    def annotate(self, items):
        return [self.say(item) for item in items for _ in range(2)]


class Mapped(Sound):
    """Gives mappings."""

    name = "mapped"
    breaks: ClassVar = "gives only annotations"
    seen: ClassVar = "annotate() gave {'verdict': 'falsified'}"

    def annotate(self, items):
        return [{"verdict": "falsified"} for _ in items]


class Percent(Sound):
    """Gives percentages."""

    name = "percent"
    breaks: ClassVar = "keeps probabilities between 0 and 1"
    seen: ClassVar = "p_falsified 90.0 is not in [0, 1]"

    def say(self, item):
        return Annotation(item.id, "ok", "falsified", 90.0)


class Refunds(Sound):
    """Pays for being asked."""

    name = "refunds"
    breaks: ClassVar = "counts its costs from 0"
    seen: ClassVar = "an answer cost Usage(calls=1, input_tokens=0, output_tokens=0, usd=-0.01)"

    def annotate(self, items):
        for item in items:
            yield replace(self.say(item), usage=Usage(usd=-0.01))


class Listed(Sound):
    """Takes what it is handed for a list."""

    name = "listed"
    breaks: ClassVar = "takes any sequence"
    seen: ClassVar = "handed a tuple of items, annotate() raised AttributeError: 'tuple' object has no attribute 'copy'"

    def annotate(self, items):
        return [self.say(item) for item in items.copy()]


class Fake(Sound):
    """Has words of its own."""

    name = "fake"
    breaks: ClassVar = "keeps to the known outcomes and verdicts"
    seen: ClassVar = "verdict 'fake' is none of pristine, falsified"

    def say(self, item):
        return Annotation(item.id, "ok", "fake", 0.9)


class Guesses(Sound):
    """Draws anew each time."""

    name = "guesses"
    breaks: ClassVar = "says the same twice"
    seen: ClassVar = "asked again, p_falsified is "

    def say(self, item):
        return Annotation(item.id, "ok", "falsified", 0.5 + random.random() / 2)


class Batched(Sound):
    """Is surer in company."""

    name = "batched"
    breaks: ClassVar = "does not depend on batches"
    seen: ClassVar = "asked about one item at a time, p_falsified is 0.51 instead of 0.58"

    def annotate(self, items):
        return [Annotation(item.id, "ok", "falsified", 0.5 + len(items) / 100) for item in items]


class Turned(Sound):
    """Is surer of the first item where it comes after the last one by the alphabet."""

    name = "turned"
    breaks: ClassVar = "does not depend on the order"
    seen: ClassVar = "asked in another order, p_falsified is "

    def annotate(self, items):
        for item in items:
            turned = item is items[0] and item.caption > items[-1].caption
            yield Annotation(item.id, "ok", "falsified", 0.6 if turned else 0.5)


class Cheats(Sound):
    """Reads the id."""

    name = "cheats"
    breaks: ClassVar = "reads neither ids nor groups"
    seen: ClassVar = "asked about the same items under other ids, it says "

    def say(self, item):
        even = int(item.id, 16) % 2 == 0
        return Annotation(item.id, "ok", "pristine" if even else "falsified")


class Undeclared(Sound):
    """Looks at the image and does not say so."""

    name = "undeclared"
    breaks: ClassVar = "reads only what it declares"
    seen: ClassVar = "shown another image, p_falsified is "

    def say(self, item):
        try:
            shade = item.image.open().getpixel((0, 0))[0] if item.image else 0
        except ValueError:
            shade = 0
        except Exception:
            return Annotation(item.id, "error")
        return Annotation(item.id, "ok", "falsified", 0.5 + shade / 1000)


class Demanding(Sound):
    """Needs an image and does not say so."""

    name = "demanding"
    breaks: ClassVar = "works with what it declares"
    seen: ClassVar = "items with nothing but a caption: annotate() raised AttributeError: "

    def say(self, item):
        item.image.name.upper()
        return super().say(item)


class Fragile(Sound):
    """Dies of one unreadable image."""

    name = "fragile"
    breaks: ClassVar = "survives an unreadable image"
    seen: ClassVar = "one image of 8 cannot be read: annotate() raised UnreadableImage: "

    def reads(self):
        return frozenset({"image"})

    def say(self, item):
        if item.image:
            item.image.open()
        return Annotation(item.id, "ok", "falsified", 0.7)


class Blind(Sound):
    """Gives a verdict on an image that it could not read."""

    name = "blind"
    breaks: ClassVar = "survives an unreadable image"
    seen: ClassVar = "an item whose image cannot be read was answered with a verdict"

    def reads(self):
        return frozenset({"image"})


class Tidy(Sound):
    """Expects a caption with words in it."""

    name = "tidy"
    breaks: ClassVar = "survives odd items"
    seen: ClassVar = "caption '': annotate() raised IndexError: list index out of range"

    def say(self, item):
        first = item.caption.split()[0]
        return Annotation(item.id, "ok", "falsified", 0.7, first)


class Scales(Sound):
    """Scales the features in place."""

    name = "scales"
    breaks: ClassVar = "leaves its items as they were"
    seen: ClassVar = "annotate() changed item "

    def reads(self):
        return frozenset({"features.image"})

    def say(self, item):
        if "image" in item.features:
            item.features["image"][:] = abs(item.features["image"])
        return Annotation(item.id, "ok", "falsified", 0.7)


class Talkative(Sound):
    """Answers nobody's question."""

    name = "talkative"
    breaks: ClassVar = "answers nothing when asked nothing"
    seen: ClassVar = "annotate([]) raised IndexError: list index out of range"

    def annotate(self, items):
        _ = items[0]
        return [self.say(item) for item in items]


class Breaks(Sound):
    """Raises on ordinary items."""

    name = "breaks-off"
    breaks: ClassVar = "answers without raising"
    seen: ClassVar = "annotate() raised KeyError: 'answer'"

    def say(self, item):
        return {}["answer"]


@hookimpl
def harness_teachers():
    return [
        cls for cls in globals().values() if isinstance(cls, type) and issubclass(cls, Teacher) and cls is not Teacher
    ]
