"""Distillation to a tree of rules."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="tree",
    title="A tree of rules from another policy",
    group=Group.IMITATION,
    needs=(
        Needs.POLICY,
        Needs.SEEN,
    ),
    actions=(Actions.CHOICE,),
    when="People must read what the policy does, as questions about single numbers.",
    when_not="Its fidelity (told exactly) is too low, or nobody will read it: serve the network.",
    cost="One pass over what was seen for each question.",
    home="telic.imitation.tree_distillation:distil_tree",
    settings=(
        Setting(
            name="max_leaves", range="[2, inf)", effect="follows the policy more closely; harder to read"
        ),
        Setting(name="min_leaf", range="[1, inf)", effect="simpler, and surer of each rule"),
    ),
    page="policies-out.md",
)
