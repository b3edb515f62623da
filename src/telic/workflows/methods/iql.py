"""Implicit Q-learning."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="iql",
    title="Implicit Q-learning",
    group=Group.OFFLINE,
    needs=(Needs.RECORD,),
    worlds=(Needs.RECORD,),
    actions=(
        Actions.CHOICE,
        Actions.AMOUNTS,
    ),
    when="There is a log with rewards (logged or inferred), and nothing may be tried. The first to try.",
    when_not="The log holds one way of acting only: there is nothing better in it to put together (`cloning`).",
    cost="Gradient steps of four networks on recorded rows; no world is needed.",
    home="telic.planning.rl.iql:Iql",
    settings=(
        Setting(name="expectile", range="(0, 1)", effect="nearer to the best recorded action; noisier"),
        Setting(
            name="sharpness", range="[0, inf)", effect="follows the best recorded actions only; 0 clones"
        ),
        Setting(name="hidden", range="[1, 4096]", effect="follows finer detail; slower"),
        Setting(name="batch", range="[1, 65536]", effect="steadier, slower"),
        Setting(name="learning_rate", range="(0, 1)", effect="faster until it breaks"),
        Setting(name="discount", range="[0, 1)", effect="looks further ahead; noisier"),
        Setting(
            name="target_rate",
            range="(0, 1]",
            effect="what comes later is known in fewer steps; less steady",
        ),
    ),
    verb="train",
    steps=200,
    step_is="`n_inner` gradient steps",
    page="methods/iql.md",
)
