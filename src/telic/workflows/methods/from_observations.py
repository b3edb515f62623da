"""Cloning where actions were not recorded."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="from_observations",
    title="Cloning from observations alone",
    group=Group.IMITATION,
    needs=(Needs.OBSERVATIONS,),
    worlds=(
        Needs.SIMULATOR,
        Needs.ENVIRONMENT,
    ),
    actions=(
        Actions.CHOICE,
        Actions.CHOICES,
        Actions.AMOUNTS,
    ),
    when="Experts were watched but what they did was not recorded, and actions can be tried in the same world.",
    when_not="Nothing can be tried: then only states are told (`telic check` of a log without actions).",
    cost="Decisions tried by chance or by the policy, and two clonings a round.",
    home="telic.imitation.observation_only:ObservationSettings",
    settings=(
        Setting(
            name="n_tried", range="[1, inf)", effect="actions are read more surely; more decisions tried"
        ),
        Setting(name="n_rounds", range="[1, inf)", effect="tries again where the policy leads"),
        Setting(name="least_sure", range="[0, 1)", effect="leaves out what is read with doubt"),
    ),
    page="methods/cloning.md",
)
