"""Going on from an offline policy."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="fine_tune",
    title="Going on from an offline policy, within a budget",
    group=Group.REINFORCEMENT,
    needs=(Needs.POLICY, Needs.RECORD),
    worlds=(Needs.SIMULATOR,),
    actions=(Actions.AMOUNTS,),
    when="A policy from records may be tried for so many decisions and no more, and must not come back worse.",
    when_not="There is no record: `sac`. Nothing may be tried: keep the policy.",
    cost="The decisions of the budget, a part of them to compare the two; an update of `sac` for each other one.",
    home="telic.planning.rl.fine_tune:fine_tune",
    settings=(
        Setting(name="budget", range="[1, inf)", effect="learns from more decisions"),
        Setting(
            name="n_evaluations", range="[1, inf)", effect="finds smaller improvements; less is left to learn"
        ),
        Setting(name="confidence", range="[0.5, 1)", effect="fewer false improvements, and fewer found"),
        Setting(name="n_warm", range="[0, inf)", effect="critics know the policy better before it moves"),
    ),
    page="methods/fine-tuning.md",
)
