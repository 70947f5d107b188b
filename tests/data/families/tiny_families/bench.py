"""A workbench over a folder, for students that are called without a run."""

from harness.store import Store


class Bench:
    """What is kept warm may be shared with another."""

    def __init__(self, out, seed=0, kept=None):
        out.mkdir(parents=True, exist_ok=True)
        self.out, self.seed, self.checkpoints = out, seed, out.with_name(f"{out.name}-checkpoints")
        self.halvings = 0
        self.lines, self.facts, self.measured, self.kept = [], {}, [], {} if kept is None else kept

    def log(self, **values):
        self.lines.append(values)

    def prove(self, **facts):
        self.facts |= facts

    def measure(self, **values):
        self.measured.append(values)

    def shelf(self, name):
        return Store(self.out.parent / "store").shelf(name)

    def warm(self, key, make):
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def cached(self, key, make):
        raise NotImplementedError
