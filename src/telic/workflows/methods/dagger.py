"""Asking an expert where the policy leads."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="dagger",
    title="Asking an expert (DAgger)",
    group=Group.IMITATION,
    needs=(
        Needs.DECISIONS,
        Needs.EXPERT,
    ),
    worlds=(
        Needs.SIMULATOR,
        Needs.ENVIRONMENT,
    ),
    actions=(
        Actions.CHOICE,
        Actions.CHOICES,
        Actions.AMOUNTS,
    ),
    when="A clone goes astray where no expert was, and somebody (or a program) can say what to do there.",
    when_not="Nobody can be asked, or what was cloned already holds (`cloning`).",
    cost="Decisions of the expert within a budget, and one cloning a round.",
    home="telic.imitation.dagger:DaggerSettings",
    settings=(
        Setting(name="n_rounds", range="[1, inf)", effect="asks more often, each time about a better policy"),
        Setting(name="budget", range="[1, inf)", effect="more decisions asked about"),
        Setting(name="mixing", range="[0, 1]", effect="the expert drives longer at first"),
        Setting(
            name="gate", range="[0, 1)", effect="asks only where an ensemble doubts more than in this share"
        ),
    ),
    page="methods/dagger.md",
)
