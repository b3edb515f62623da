"""Distillation to a smaller network."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="smaller_network",
    title="A smaller network from another policy",
    group=Group.IMITATION,
    needs=(
        Needs.POLICY,
        Needs.SEEN,
    ),
    actions=(
        Actions.CHOICE,
        Actions.CHOICES,
        Actions.AMOUNTS,
    ),
    when="The policy is too slow or too large where it must act, or is an ensemble that one network should stand for.",
    when_not="It is fast enough.",
    cost="Gradient steps of the small network alone.",
    home="telic.imitation.network_distillation:distil_network",
    settings=(
        Setting(name="hidden", range="[1, 4096]", effect="follows the policy more closely; slower"),
        Setting(name="n_steps", range="[1, inf)", effect="learns longer"),
    ),
    page="policies-out.md",
)
