"""A world of vectors for students that look at numbers: a caption is near its image where it belongs to it."""

from itertools import starmap

import numpy as np

from harness.api import Item, Target


def world(count=120, seed=0, dim=8):
    """Items whose caption vector is near the image's where they are pristine, and their labels."""
    random = np.random.default_rng(seed)
    items, labels = {}, {}
    for index in range(count):
        image, other = random.normal(size=(2, dim))
        falsified = index % 2
        text = other if falsified else image + 0.5 * other
        key = f"{seed}-{index:03}"
        items[key] = Item(key, "A caption", features={"image": np.float32(image), "text": np.float32(text)})
        labels[key] = "falsified" if falsified else "pristine"
    return items, labels


def targets(labels):
    return list(starmap(Target, labels.items()))


def accuracy(student, model, items, labels, bench):
    answers = student.predict(list(items.values()), model, bench)
    return sum(answer.verdict == labels[answer.item_id] for answer in answers) / len(labels)
