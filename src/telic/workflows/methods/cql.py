"""Conservative Q-learning."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="cql",
    title="Conservative Q-learning",
    group=Group.OFFLINE,
    needs=(Needs.RECORD,),
    worlds=(Needs.RECORD,),
    actions=(
        Actions.CHOICE,
        Actions.AMOUNTS,
    ),
    when="There is a log with rewards in which many actions are seldom, and values must not be believed beyond it.",
    when_not="Time is short and actions are amounts: `iql` and `td3_bc` value far fewer of them a row.",
    cost="For amounts `n_samples` values a row from each of three sources, so the dearest of the offline learners.",
    home="telic.planning.rl.cql:Cql",
    settings=(
        Setting(
            name="penalty", range="[0, inf)", effect="stays nearer to the record; in the unit of the reward"
        ),
        Setting(name="n_samples", range="[1, 1000]", effect="less noise in the penalty of amounts; slower"),
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
    page="methods/cql.md",
)
