"""The plugin author's whole world."""

import typing as _typing

from harness.component import Component
from harness.components import Benchmark, ConflictRule, Executor, LabelModel, Report, Strategy, Student, Teacher
from harness.deprecation import renamed as _renamed
from harness.details import Details
from harness.errors import (
    DataError,
    HarnessError,
    MissingDependency,
    TrainingError,
    UnreadableImage,
)
from harness.given import given_labels
from harness.handed import Confusion, Estimate, Panel, Placing, Pool, Shelf, Validation, Work, Workbench
from harness.hookspec import hookimpl
from harness.identity import canonical, digest, file_digest, folder_digest, seed_from, sha256_of
from harness.nesting import Named
from harness.nursery import worker_context
from harness.recipe import Accepts, Job, Need, Objective, Recipe
from harness.redaction import redact
from harness.resources import Resources
from harness.thumbnail import thumbnail
from harness.types import (
    SPLITS,
    VERDICTS,
    Annotation,
    DataFile,
    Evidence,
    Example,
    Exported,
    Image,
    Item,
    Outcome,
    Prediction,
    Preference,
    Preview,
    Ranked,
    Skipped,
    Split,
    Target,
    Usage,
    Verdict,
    opposite,
    verdict_of,
)
from harness.view import RunView

if not _typing.TYPE_CHECKING:
    # Names that have moved would stand here for a while: {"Old": Renamed("New", New, gone_in="0.3")}.
    __getattr__ = _renamed(__name__, {})

__all__ = [
    "SPLITS",
    "VERDICTS",
    "Accepts",
    "Annotation",
    "Benchmark",
    "Component",
    "ConflictRule",
    "Confusion",
    "DataError",
    "DataFile",
    "Details",
    "Estimate",
    "Evidence",
    "Example",
    "Executor",
    "Exported",
    "HarnessError",
    "Image",
    "Item",
    "Job",
    "LabelModel",
    "MissingDependency",
    "Named",
    "Need",
    "Objective",
    "Outcome",
    "Panel",
    "Placing",
    "Pool",
    "Prediction",
    "Preference",
    "Preview",
    "Ranked",
    "Recipe",
    "Report",
    "Resources",
    "RunView",
    "Shelf",
    "Skipped",
    "Split",
    "Strategy",
    "Student",
    "Target",
    "Teacher",
    "TrainingError",
    "UnreadableImage",
    "Usage",
    "Validation",
    "Verdict",
    "Work",
    "Workbench",
    "canonical",
    "digest",
    "file_digest",
    "folder_digest",
    "given_labels",
    "hookimpl",
    "opposite",
    "redact",
    "seed_from",
    "sha256_of",
    "thumbnail",
    "verdict_of",
    "worker_context",
]
