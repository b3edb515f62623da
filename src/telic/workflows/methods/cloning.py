"""Cloning by a network."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="cloning",
    title="Cloning by a network",
    group=Group.IMITATION,
    needs=(Needs.DECISIONS,),
    actions=(Actions.CHOICE, Actions.CHOICES, Actions.AMOUNTS),
    when="What was seen is measured, and you want the same decisions in the same, unchanged world.",
    when_not="It will be led where no expert was (ask one there: `dagger`), or the world changes (`telic infer`).",
    cost="Up to `n_updates` gradient steps; stops when what was held out has not become likelier for a while.",
    home="telic.imitation.cloning:CloneSettings",
    settings=(
        Setting(name="hidden", range="[1, 4096]", effect="follows finer detail; slower"),
        Setting(name="n_updates", range="[1, inf)", effect="learns longer; the rate falls to 0 over them"),
        Setting(
            name="patience", range="[1, inf)", effect="waits longer for a better look at what was held out"
        ),
        Setting(
            name="held_out",
            range="[0, 1)",
            effect="surer choice of weights and calibration; fewer to learn from",
        ),
        Setting(name="learning_rate", range="(0, 1)", effect="faster until it breaks"),
        Setting(
            name="n_members", range="[1, 100]", effect="an ensemble, whose disagreement can be told; slower"
        ),
        Setting(name="decay", range="[0, inf)", effect="smoother"),
        Setting(
            name="evenness",
            range="[0, 1]",
            effect="of amounts: 1 fits means by least squares, 0 by likelihood",
        ),
        Setting(name="is_sharpened", effect="sets how sure the policy is on what was held out"),
    ),
    verb="imitate",
    python_only=("n_back",),
    page="methods/cloning.md",
)
