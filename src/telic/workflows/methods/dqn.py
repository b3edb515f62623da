"""Deep Q-learning."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="dqn",
    title="Deep Q-learning (double, duelling, with priorities)",
    group=Group.REINFORCEMENT,
    needs=(Needs.REWARD,),
    worlds=(Needs.SIMULATOR,),
    actions=(Actions.CHOICE,),
    when="Actions are one choice, and each decision is dear: everything tried is kept and learned from again.",
    when_not="Actions are amounts (`sac`), or decisions are so cheap that `ppo` is done sooner.",
    cost="Few decisions, and `n_updates` gradient steps of one network after each.",
    home="telic.planning.rl.dqn:Dqn",
    settings=(
        Setting(
            name="n_updates", range="[1, 1000]", effect="learns more from each decision; slower, less steady"
        ),
        Setting(name="batch", range="[1, 65536]", effect="steadier, slower"),
        Setting(name="capacity", range="[1, inf)", effect="remembers longer; more memory"),
        Setting(name="hidden", range="[1, 4096]", effect="follows finer detail; slower"),
        Setting(name="learning_rate", range="(0, 1)", effect="faster until it breaks"),
        Setting(name="explore_steps", range="(0, inf)", effect="tries by chance for longer"),
        Setting(name="explore_end", range="[0, 1]", effect="never stops trying by chance"),
        Setting(name="discount", range="[0, 1)", effect="looks further ahead; slower to learn"),
        Setting(name="is_prioritised", effect="draws surprising decisions more often; for rare rewards"),
    ),
    verb="train",
    steps=20,
    step_is="`n_steps` decisions of each stream with their updates",
    page="methods/dqn.md",
)
