"""Cloning of experts of several kinds."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="mixture_cloning",
    title="Cloning of experts of several kinds: a policy each, and whose each trajectory is",
    group=Group.IMITATION,
    needs=(Needs.DECISIONS,),
    actions=(
        Actions.CHOICE,
        Actions.CHOICES,
        Actions.AMOUNTS,
    ),
    when="Demonstrators do different things in the same situation, each in its own way.",
    when_not="They are unsure rather than different (`cloning`), or change with something that could be observed.",
    cost="That of `cloning`, times the number of kinds and of starts, and a pass over all decisions a look.",
    home="telic.imitation.mixture_cloning:clone_mixture",
    settings=(
        Setting(name="n_starts", range="[1, inf)", effect="finds the best division more surely"),
        Setting(
            name="is_per_episode", effect="one kind a trajectory; false: one a decision, by what is seen"
        ),
    ),
    page="methods/mixtures.md",
)
