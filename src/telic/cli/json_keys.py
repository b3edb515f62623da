"""The one table of what ``--json`` prints: the keys that a program may rely on; docs/reference/cli.md prints it.

They stay as they are while ``schema_version`` does. A document may have further keys (what the page is drawn
from); those may change.
"""

from __future__ import annotations

__all__ = ["COMMON_KEYS", "JSON_KEYS", "LEARNED_KEYS"]

COMMON_KEYS: dict[str, str] = {
    "schema_version": "of the document; rises when a reader of the old one would misread it",
    "verb": "the verb that was called",
    "task": "name of the task, from the contract",
    "headline": "the result in one sentence",
}
"""Key to meaning, in the document of every verb."""

_COUNTS = {
    "n_decisions": "decisions in the dataset",
    "n_trajectories": "trajectories that they belong to",
}
_FINDINGS = {"findings": "list of {code, severity, message, hint, evidence}, worst first"}
_INFER = {
    "method": "registered name of the method",
    "result": "`success`, or why there is no answer; then no number below is one",
    "n_decisions": "decisions that the weights were fitted to",
    "choice_log_likelihood": "of the fitted decisions, in nats",
    "transition_log_likelihood": "of what followed them, in nats; null where the dynamics were given",
    "log_likelihood": "the sum of the two",
    "weights": "{feature: weight}",
    "units": "{feature: what one unit of it is}",
    "standard_errors": (
        "{kind: {feature: error}} for `hessian`, `outer_product`, `sandwich`, `sandwich_clustered`; null where a"
        " weight is not identified"
    ),
    "standard_errors_dynamics": "{feature: error} that estimating the dynamics adds",
    "covariance": (
        "null, or {kind, names, matrix}: of the weights, behind the intervals, with what estimating the dynamics adds"
    ),
    "tradeoffs": (
        "list of {numerator, denominator, unit, value, interval, method, bounded, level, kind, sentence, ...}; value"
        " and interval are null where they cannot be told"
    ),
    "gauge": "{kind, description, rationality, discount}: what was fixed because no choice tells it",
    "nullity": "number of directions of the weights that no choice tells",
    "null_directions": "list of {feature: coefficient} of unit length, one for each of them",
    "certificate": "{score_norm, bellman_residual, ...}: how exactly the fit was solved",
    "fixed_by_assumption": "{name: value}",
    "held_out": (
        "null, or {nats_per_decision, bits_per_decision, baselines {uniform, behavioural_cloning}, ...}: mean"
        " log-likelihood of decisions that no fit has seen; negative, higher is better"
    ),
    "posterior": (
        "null, or {method, result, weights {feature: {mean, standard_deviation, interval, prior_share, ...}},"
        " tradeoffs, prior, prior_directions, diagnostics {r_hat, bulk_ess, tail_ess, n_divergent}, file, ...},"
        " conditional on the transition probabilities; where its result is another than `success`, its numbers are"
        " null and the exit status is 7"
    ),
    "intents": (
        "null, or {result, n_intents, is_chosen, unit, n_units, tried [{n_intents, nats_per_decision, gain_over_one,"
        " ...}], intents [{share, interval, weights, standard_errors, intervals, tradeoffs, is_vanished, ...}],"
        " over_time {by (`time`, `order`), periods [{from, until, n_units, shares}], p_value, ...}, leaning (shares by"
        " pseudonym; null without a `people` block), ...}, commonest intent first; numbers null where there is none"
    ),
    "suspects": (
        "null, or {result, n_demonstrators, n_suspected, weights {feature: {believed, weighed}}, tradeoffs,"
        " contradictions [{feature, n_seek, n_avoid}], tests, demonstrators (evidence by pseudonym; null without a"
        " `people` block), ...}: everybody believed, and everybody weighed by the evidence; where its"
        " result is another than `success`, the exit status is 7"
    ),
    "over_time": (
        "null, or {result, changes, p_value, by, periods [{from, until, weights {feature: {weight, standard_error,"
        " interval, path}}}], left_out, ...}"
    ),
    "availability": (
        "{p_value, n_tested, reason, n_restricted}: whether every action of a state could be taken when it was not;"
        " where it could not, the result is `unavailable-options` and its numbers are no preference"
    ),
    "people": "{pseudonym: the same for one person}; empty without a `people` block",
    "dataset": "{version, n_decisions, n_fitted, n_held_out, ...}",
    "digest": "of everything that went into the result",
    "seconds": "of the fit",
    **_FINDINGS,
}

JSON_KEYS: dict[str, dict[str, str]] = {
    "init": {
        "contract": "path of the draft",
        "rows": "rows of the file",
        "guesses": "list of {path, message, confirm}; confirm is empty where nobody needs to look",
    },
    "ingest": {
        "dataset": "digest of the version",
        "contract": "digest of the contract",
        **_COUNTS,
        "has_actions": "false for a log of states without actions, which has no decisions",
        "n_steps": "rows: decisions, or states of a log without actions",
        "n_demonstrators": "people; 1 where no column names them",
        "is_new": "false where the same version was there before",
        "sources": "{place:name of a file: its digest}",
        **_FINDINGS,
    },
    "check": {
        "verdict": "`pass`, `warn` or `fail`; where it is `fail`, the exit status is 9",
        "rule": "the rule that led to it, with the codes of the findings that it met",
        "dataset": "digest of the version",
        "against": "digest of the version that drift was measured against, or null",
        "quarantined": "names of the trajectories under suspicion of poisoning",
        "quarantine": "`report`, or `leave_out` where they are kept out of everything that is computed",
        "simulator": (
            "how well a simulator made from the log imitates it: {verdict (`faithful`, `unfaithful`, `open`), one_step,"
            " gain, unforeseen, differences, memory, lost, margin}; or a sentence that says why there is none"
        ),
        **_COUNTS,
        "has_actions": "false for a log of states without actions, which has no decisions",
        "n_steps": "rows: decisions, or states of a log without actions",
        "n_states": "states that the bins make",
        "n_states_seen": "of these, those in the data",
        "actions": "{action: decisions}",
        **_FINDINGS,
    },
    "diff": {
        "old": "digest of the older version",
        "new": "digest of the newer version",
        "words": "the changes as sentences",
        "changes": (
            "{decisions [before, now], trajectories, trajectories_added, trajectories_removed, trajectories_changed,"
            " decisions_added, decisions_removed, decisions_changed, columns_added, columns_removed, columns_changed"
            " {name: decisions}, actions_added, actions_removed, action_counts {label: [before, now]}, labels_added,"
            " labels_removed, findings_came, findings_went}; demonstrators_added and demonstrators_removed only with a"
            " `people` block"
        ),
    },
    "lineage": {
        "dataset": "digest of the version",
        "sources": "{place:name of a file: its digest}",
        "contract": "digest of the contract that it was ingested by",
        "contract_is_current": "whether that is the contract of today",
        "code": "version of telic that read the files",
        "results": "list of {verb, folder, digest, through}: what was made from it; `through` names the result between",
    },
    "card": {
        "dataset": "digest of the version",
        "folder": "the folder that was made",
        "table_digest": "digest of the bytes of its table",
        "n_decisions": "rows of the table",
    },
    "infer": _INFER,
    "ambiguity": {
        "result": "`success`, or why an end of a claim was not found",
        "n_decisions": "decisions that were looked at",
        "tolerance": "nats that a reward may fall short of the best one and still explain the decisions",
        "max_log_likelihood": "of the best reward, in nats",
        "best": "{feature: weight} of it",
        "nullity": "number of directions of the weights that no choice tells",
        "null_directions": "list of {feature: coefficient} of unit length, one for each of them",
        "words": "the same in sentences",
        "limits": "{feature: largest size of its weight}, as stated",
        "claims": (
            "list of {claim, verdict (`settled`, `refuted`, `open`), lowest, highest, coefficients, is_asked, reason,"
            " ...}; an end without a bound is null"
        ),
        "demonstrator": "pseudonym of the only one who was looked at, or null",
        "people": (
            "{pseudonym: {n_decisions, nullity, claims, reason}}: the same claims about each; empty without a `people`"
            " block; without claims where `reason` says why"
        ),
        "at_stake": (
            "{draws, trajectories, states, regret, n_blind, notes}: `trajectories.pairs` and `states.states` on which"
            " possible rewards disagree most; `regret.plans` {what is acted on: {mean, worst, value_at_risk,"
            " conditional_value_at_risk, ...}} in units of reward; null where there is no answer, and `notes` says why"
        ),
        "digest": "of everything that went into the result",
        **_FINDINGS,
    },
    "compare": {
        "result": "`success`, or why the rewards cannot be compared",
        "rewards": "list of {name, form, is_trivial, size, nullity, open_directions, accuracy}",
        "distances": "{`starc`, `epic`, `dard`: symmetric matrix}, from 0 to 1; null where not defined",
        "relations": "list of {first, second, relation, ...}",
        "inferences": "{name: digest of the inference}",
        "world": "digest of the inference whose states and dynamics were used",
        **_FINDINGS,
    },
    "elicit": {
        "result": "`success`, or why no question could be ranked (`separation`, `not_mixed`)",
        "questions": (
            "list of {id, kind (`comparison`, `demonstration`, `environment`), words, gain, standard_error, interval,"
            " settles {claim: chance}, narrows {trade-off: share}, tells {claim: nats}, ...}, of each kind the one that"
            " tells most first; gains in nats. A comparison has a, b, added (to those above it), about (the claim it is"
            " asked for), names, units, amounts; the others where, steps, highest_gain"
        ),
        "random": "{kind: {mean, standard_error, low, high, n_candidates, limit}}: nats of one of the kind at random",
        "together": "null, or {gain, standard_error, random, settles, narrows}: of the answers to all comparisons",
        "claims": "list of {claim, share (of the belief that has it true), is_open, is_asked}",
        "answers": (
            "null, or {n, n_blank, gain (nats that they told), surprise, rows [{question, choice, who, chance}], ...}"
        ),
        "belief": (
            "null, or {method, demonstrator, n_decisions, n_draws, effective_draws, prior, untold, weights {feature:"
            " {mean, standard_deviation}}}, after the answers, conditional on the transition probabilities"
        ),
        "digest": "of everything that went into the result",
        **_FINDINGS,
    },
    "train": {
        "inference": "digest of the inference whose reward was planned for",
        "policy": "name of the file of the policy, beside the page",
        "policy_digest": "of that file",
        "last_day": "{name, n_decisions, agreement, counts {taken: {planned: decisions}}}, or null without times",
        "digest": "of everything that went into the result",
        **_FINDINGS,
    },
    "imitate": {
        "method": "registered name of the method",
        "key": "random key of the run",
        "dataset": "digest of the decisions",
        "settings": "name of the file of all settings, beside the page; given to the verb, it makes the same policy",
        "policy": "name of the file of the policy",
        "policy_digest": "of the policy",
        "n_decisions": "decisions that were learned from",
        "columns": "list of what the inputs of the policy are, in order",
        "actions": "list of what it chooses from, or of the amounts that it sets",
        "held_out": (
            "null, or {n_decisions, n_trajectories, is_choice, scores [{name, nats, nats_interval, agreement or"
            " distance, ...}], gain {over, nats, interval}}; of decisions that nothing was learned from"
        ),
        "calibration": "null, or {bins, error, p_value, ...} of choices, or {coverage {level: share}} of amounts",
        "curve": "null, or {first_look, updates_a_look, loss, held_out_loss} of the training",
        "onnx": "null, or {file, n_compared, largest_difference, other_actions}",
        "digest": "of everything that went into the result",
        **_FINDINGS,
    },
    "methods": {
        "methods": (
            "list of {name, title, group, needs, worlds, actions, when, when_not, cost, verb, settings [{name, range,"
            " effect}], page}; of any one of `worlds` one is enough"
        ),
    },
    "export": {
        "inference": "digest of the inference whose reward was written",
        "source": "digest of the dataset that it was written into",
        "folder": "path of the new dataset",
        "columns": "list of the columns that were added",
        "n_frames": "frames of the dataset",
        "n_known": "of these, those with a reward",
        "n_with_deviation": "of these, those with a standard deviation",
        "digest": "of everything that went into the result",
        **_FINDINGS,
    },
    "report": {
        "run": "digest of the inference",
        "page": "path of the page",
        "json": "path of its JSON twin",
    },
    "run": {
        **_INFER,
        "page": "path of the page",
        "steps": "list of {verb, headline, page, is_reused}",
    },
    "review": {
        "month": "that was reviewed, YYYY-MM",
        "dataset": "digest of the version that was looked at",
        "against": "digest of the version of the last review, or null",
        "versions": "digests of the versions published since",
        "words": "what changed, as sentences",
        "verdict": "of the quality gate; where it is `fail`, the exit status is 9",
        "rule": "the rule that led to it",
        "check": "digest of the check",
        **_COUNTS,
        "digest": "of everything that went into the result",
        **_FINDINGS,
    },
    "verify": {
        "is_whole": "false where something was changed; the exit status is then 74",
        "n_files": "files of the dataset that were compared",
        "n_results": "files of results that were compared; only with an access policy",
        "records": "{record: {entries, last (digest of its last line)}}",
        **_FINDINGS,
    },
    "erase": {
        "n_rows": "rows that cannot be read any more, in all versions together",
        "versions": "digests of the dataset versions that lost rows",
        "proofs": "digests of the entries in data/erasures.jsonl",
        "remaining": "digest of the version that holds what is left, or empty",
        "built_from": "list of {verb, folder, digest, through}: results that still count the rows",
        **_FINDINGS,
    },
    "advise": {
        "facts": "{name: value}: what the rules looked at",
        "rules": "list of {name, verdict, method, condition, because, instead, asks_reader} of those that hold",
    },
}
"""Verb to key to meaning, beside the common ones."""

LEARNED_KEYS: dict[str, str] = {
    "method": "registered name of the learner",
    "key": "random key of the run",
    "world": "what it learned in or from",
    "result": "`success`, or why there is no policy",
    "n_steps": "steps of the loop that were done",
    "settings": "name of the file of all settings, beside the page; given to the verb, it makes the same policy",
    "policy": "name of the file of the policy, or null",
    "policy_digest": "of the policy, or null",
    "returns": "null, or list of {name (`policy`, `chance`), n_episodes, mean_return, interval}",
    "alike": "null, or of a record {n_decisions, share} of choices or {n_decisions, distance} of amounts done alike",
    "curve": "{metric: one number a step}, null where it is not known yet",
    "onnx": "null, or {file, n_compared, largest_difference, other_actions}",
    "digest": "of everything that went into the result",
    **_FINDINGS,
}
"""Key to meaning, in the document of ``train`` with a settings file."""
