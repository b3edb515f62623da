"""Soft actor-critic."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="sac",
    title="Soft actor-critic",
    group=Group.REINFORCEMENT,
    needs=(Needs.REWARD,),
    worlds=(
        Needs.SIMULATOR,
        Needs.ENVIRONMENT,
    ),
    actions=(Actions.AMOUNTS,),
    when="Actions are amounts, and each decision is dear: everything tried is kept and learned from again.",
    when_not="Actions are choices (`dqn`), or decisions are so cheap that `ppo` is done sooner.",
    cost="Few decisions, and `n_updates` gradient steps of actor and critics after each.",
    home="telic.planning.rl.sac:Sac",
    outside="telic.planning.rl.sac_gymnasium:GymnasiumSac",
    settings=(
        Setting(
            name="n_updates", range="[1, 1000]", effect="learns more from each decision; slower, less steady"
        ),
        Setting(name="batch", range="[1, 65536]", effect="steadier, slower"),
        Setting(name="capacity", range="[1, inf)", effect="remembers longer; more memory"),
        Setting(name="n_random", range="[1, inf)", effect="tries longer by chance before it learns"),
        Setting(name="hidden", range="[1, 4096]", effect="follows finer detail; slower"),
        Setting(name="learning_rate", range="(0, 1)", effect="faster until it breaks"),
        Setting(name="entropy", range="(-inf, 0.7]", effect="explores more, decides less sharply"),
        Setting(name="discount", range="[0, 1)", effect="looks further ahead; slower to learn"),
        Setting(name="share", range="(0, 1]", effect="targets follow faster; less steady"),
    ),
    verb="train",
    steps=20,
    step_is="`n_steps` decisions of each stream with their updates",
    page="methods/sac.md",
)
