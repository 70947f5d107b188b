"""Columns of the tables that a run's results are in."""

from __future__ import annotations

AXES = ("benchmark", "teachers", "student", "rule", "strategy", "label_fraction")
"""What an arm is; empty text (NaN for the fraction) where the arm does not use the axis."""

METRICS = ("accuracy", "accuracy_falsified", "accuracy_pristine", "macro_f1", "auroc", "brier", "ece")
"""All in [0, 1]. The two accuracies by class are recalls. An answer that is not ``ok`` counts as wrong."""

RESULT_COLUMNS = (
    "cell",
    "arm",
    "role",
    *AXES,
    "seed",
    "evaluated_on",
    "split",
    "state",
    "reason",
    "labels_bought",
    "saturated",
    "validation_labels",
    "n",
    *METRICS,
    "accuracy_parsed",
    "unparsable",
    "refused",
    "errors",
    "share_falsified",
    "rouge_l",
)
"""``role`` is student, teacher or majority; ``state`` is done, failed, blocked, waiting or pending.
``validation_labels`` are labels of the validation split that the rule or the strategy read, beside those it bought.
``rouge_l`` is the mean ROUGE-L F1 (Lin 2004) of the answers' texts against the benchmark's reference rationales, over
the test items that have one; an item without a text counts as 0. Texts are compared as they were given, so a student
that writes its verdict into its rationale is compared with it."""

ARM_COLUMNS = (
    "arm",
    "role",
    *AXES,
    "evaluated_on",
    "seeds",
    "seeds_planned",
    "labels_bought",
    "saturated",
    "validation_labels",
    "n",
    "groups",
    *(name for metric in METRICS for name in (metric, f"{metric}_low", f"{metric}_high")),
    "accuracy_parsed",
    "unparsable",
    "refused",
    "errors",
    "share_falsified",
    "rouge_l",
    "rouge_l_low",
    "rouge_l_high",
    "training_seconds",
    "prediction_seconds",
    "teacher_calls",
    "teacher_usd",
    "warnings",
)
"""Counts (``unparsable``, ``refused``, ``errors``) are summed over seeds; ``n`` is items per seed; ``warnings``
is text for people, empty where there is nothing to warn of. ``training_seconds`` is the mean per seed of the steps
that lead to the arm's model, shared ones counted whole. ``rouge_l`` is as in the results, with an interval over seeds
and groups as that of the accuracy; it is NaN where the benchmark gives no reference rationales or the arm no texts."""

CONTRAST_COLUMNS = (
    "question",
    "family",
    "correction",
    "test",
    "margin",
    "arm",
    "against",
    "evaluated_on",
    "difference",
    "level",
    "low",
    "high",
    "p",
    "p_holm",
    "verdict",
    "scope",
    "p_mcnemar",
    "seeds",
    "items",
    "groups",
    "detectable",
    "seeds_needed",
)
"""``difference`` is in accuracy, ``arm`` minus ``against``, with its interval at ``level``. ``question`` is a family of
the matrix's ``compare:``, or one of: above the floor, stage 2 adds, against labels alone, against random conflicts.
``family`` is what was adjusted together, and ``correction`` says how (Holm over so many contrasts); where the matrix
declares families, the four questions are exploratory: no family, correction ``uncorrected``, no ``p_holm``.

``test`` is difference (verdicts better, worse, inconclusive, at 5 %), non-inferiority against ``margin`` (not inferior,
inferior, inconclusive) or equivalence within it (equivalent, inconclusive); the last two have one-sided p-values and a
level of 0.9. ``scope`` is ``the methods`` or, with one run on either side, ``these two trained models``; only there is
``p_mcnemar``, McNemar's exact p, and only over items without groups. ``detectable`` is the smallest difference that
this many seeds and items would show with 80 % power, uncorrected; ``seeds_needed`` is how many seeds would show what
the family says must be detected, infinite where no number would, NaN where it says nothing or one seed was run."""

CURVE_COLUMNS = (
    "curve",
    "benchmark",
    "teachers",
    "student",
    "rule",
    "strategy",
    "evaluated_on",
    "seeds",
    "points",
    "from_labels",
    "to_labels",
    "aulc",
    "aulc_low",
    "aulc_high",
)
"""An arm over its label fractions; ``curve`` is the arm's name without the fraction. ``aulc`` is the mean accuracy over
log2 labels between the fewest and the most: the area under the label curve, normalised by its range."""

CURVE_CONTRAST_COLUMNS = (
    "question",
    "curve",
    "against",
    "evaluated_on",
    "from_labels",
    "to_labels",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "verdict",
    "seeds",
    "groups",
    "detectable",
)
"""Areas over the range of labels that both curves have; one contrast a pair instead of one a fraction. ``question`` is
against labels alone, against random conflicts, other strategy, other rule or other teachers (pairs that differ in that
only); ``p_holm`` is adjusted within it."""

EQUIVALENCE_COLUMNS = (
    "question",
    "arm",
    "against",
    "evaluated_on",
    "label_fraction",
    "labels",
    "equivalent",
    "low",
    "high",
    "factor",
    "factor_low",
    "factor_high",
    "from_labels",
    "to_labels",
    "train_items",
    "seeds",
)
"""How many labels the curve ``against`` needs to do as well as ``arm``, with a 95 % interval; the factor is that over
the arm's own labels, NaN for an arm without any. Infinity is more than ``to_labels`` and 0 is fewer than
``from_labels``, the ends of the curve."""

OPERATING_COLUMNS = (
    "arm",
    "evaluated_on",
    "seeds",
    "items_per_day",
    "prevalence",
    "reviews_per_day",
    "recall",
    "recall_low",
    "recall_high",
    "precision",
    "precision_low",
    "precision_high",
    "found_per_day",
    "alarms_at_95",
    "alarms_at_95_low",
    "alarms_at_95_high",
    "alarms_per_day_at_95",
)
"""What an order by probability finds in a newsroom's day (`newsroom:` of the matrix), with 95 % intervals. ``recall``
and ``precision`` are of the ``reviews_per_day`` items of the highest probability, reweighted to ``prevalence``;
``alarms_at_95`` is the share of the pristine items above the threshold that finds 95 % of the falsified ones. That
threshold is of the test items themselves."""

PREVALENCE_COLUMNS = (
    *("arm", "evaluated_on", "seeds", "prevalence", "precision", "precision_low", "precision_high", "flagged_share"),
)
"""What the arm's own verdicts are worth where falsified items are rarer or more frequent than in the test split."""

ABLATION_COLUMNS = (
    "method",
    "factor",
    "kind",
    "arm",
    "evaluated_on",
    "state",
    "standing",
    "apart",
    "made_of",
    "reason",
    "seeds",
    "labels_bought",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "difference",
    "difference_low",
    "difference_high",
    "p",
    "p_holm",
    "verdict",
    "recovered",
    "recovered_low",
    "recovered_high",
)
"""What `ablate:` of the matrix asks for, a row per arm and benchmark on which its method is tested, from the floor to
the bound. ``method`` is the label of the strategy that is ablated and ``factor`` says what is different; ``kind`` is
floor, control, variant (one factor off), method or bound. ``standing`` is added, there (the matrix has the arm anyway)
or left out, with its ``reason``; ``state`` is done, pending or left out. Those that stand ``apart`` are in this table,
among the results, the arms and the contrasts of the ablation, and in no other table. ``difference`` is in accuracy, the
arm minus its method; ``p_holm`` is adjusted over all of the ablation. ``recovered`` is (arm - zero-shot) / (all labels
- zero-shot), NaN where all labels are not surely above zero-shot; an end of its interval beyond -3 or 3 is infinite."""

PAIR_COLUMNS = (
    "arm",
    "seed",
    "training",
    "preferences",
    "other_image",
    "pairs",
    "same_words",
    "falsified_share",
    "chosen_words",
    "rejected_words",
    "length_ratio",
    "style_pairs",
    "style_auroc",
    "style_auroc_low",
    "style_auroc_high",
)
"""What an arm's preferences are like; ``training`` counts the arm's trainings from 1. ``pairs`` are of a chosen and a
rejected answer, those that differ by the image alone (``other_image``) left out; ``same_words`` of them differ by the
verdict alone. ``falsified_share`` is among the chosen answers, and ``length_ratio`` is the words of all chosen
rationales over those of all rejected ones. ``style_auroc`` says how well chosen can be told from rejected by the words
alone, without the item and the verdict: 0.5 is not at all, 1 is always. It is NaN for fewer than ten groups of items
whose words differ."""

VOICE_COLUMNS = ("arm", "seed", "training", "teacher", "chosen", "rejected")
"""How often the words of a teacher are chosen and rejected in such pairs; ``teacher`` is empty for a bare verdict,
which is nobody's words, and ``the student`` for what the stage-1 student said itself."""

STEP_COLUMNS = ("key", "kind", "what", "seconds", "calls", "usd", "cells", "finished")
TEACHER_COLUMNS = (
    "teacher",
    "benchmark",
    "split",
    "items",
    *("ok", "refused", "unparsable", "errors"),
    *("accuracy", "accuracy_falsified", "accuracy_pristine"),
    "share_falsified",
    "calls",
    "usd",
    "seconds",
    "asked",
    "input_tokens",
    "output_tokens",
    "usd_per_1000",
    "warnings",
)
"""``calls``, tokens and ``usd`` are what the answers cost when they were given; ``asked`` are the items that this step
asked about, the others had been answered before. ``usd_per_1000`` is the price of a thousand items."""
CONFLICT_COLUMNS = (
    "rule",
    "teachers",
    "benchmark",
    "seed",
    "items",
    "conflicts",
    "conflict_rate",
    "falsified_share",
    "agreement_accuracy",
    "majority_accuracy",
    "best_teacher_on_conflicts",
)
"""Diagnosis with all of the training labels that the data set has; nothing that trains sees it. ``falsified_share`` is
among the conflicts; ``agreement_accuracy`` is how often the teachers are right where they do not conflict."""

BENCHMARK_COLUMNS = ("benchmark", "split", "items", "pristine", "falsified", "unlabelled", "groups", "notes", "oracles")
"""``oracles`` says what of the way it is read depends on the label; empty where nothing does."""
FAILURE_COLUMNS = ("step", "what", "state", "reason", "cells")
