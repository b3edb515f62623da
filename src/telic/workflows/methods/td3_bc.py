"""TD3 with cloning."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="td3_bc",
    title="TD3 with cloning (TD3+BC)",
    group=Group.OFFLINE,
    needs=(Needs.RECORD,),
    worlds=(Needs.RECORD,),
    actions=(Actions.AMOUNTS,),
    when="There is a log of amounts with rewards, and the simplest learner with one setting is wanted.",
    when_not="Actions are choices (`iql`, `cql`), or the log is thin: its critic is asked about amounts never tried.",
    cost="Gradient steps of three networks on recorded rows; no world is needed.",
    home="telic.planning.rl.td3_bc:Td3Bc",
    settings=(
        Setting(
            name="pull", range="[0, inf)", effect="trusts the critic more, beyond the record too; 0 clones"
        ),
        Setting(name="noise", range="[0, inf)", effect="smoother values"),
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
    page="methods/td3_bc.md",
)
