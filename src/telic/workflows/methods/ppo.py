"""Proximal policy optimisation."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="ppo",
    title="Proximal policy optimisation",
    group=Group.REINFORCEMENT,
    needs=(Needs.REWARD,),
    worlds=(
        Needs.SIMULATOR,
        Needs.ENVIRONMENT,
    ),
    actions=(
        Actions.CHOICE,
        Actions.CHOICES,
        Actions.AMOUNTS,
    ),
    when="Trying is cheap: a simulator that makes many decisions a second. The first to try, for any kind of action.",
    when_not="Each decision is dear (`sac` and `dqn` learn more from each), or nothing may be tried (`iql`).",
    cost="Many decisions, each used a few times and thrown away; little time for each.",
    home="telic.planning.rl.ppo:Ppo",
    outside="telic.planning.rl.ppo_gymnasium:GymnasiumPpo",
    settings=(
        Setting(name="n_envs", range="[1, 65536]", effect="more streams side by side: steadier, more memory"),
        Setting(
            name="n_steps",
            range="[1, 65536]",
            effect="more decisions of each between updates: steadier, slower",
        ),
        Setting(name="hidden", range="[1, 4096]", effect="follows finer detail; slower"),
        Setting(name="learning_rate", range="(0, 1)", effect="faster until it breaks"),
        Setting(name="discount", range="[0, 1]", effect="looks further ahead; noisier"),
        Setting(name="gae", range="[0, 1]", effect="less bias, more noise"),
        Setting(name="entropy", range="[0, inf)", effect="explores longer"),
        Setting(name="clip", range="(0, 1)", effect="larger changes an update; less safe"),
        Setting(name="scales_observations", effect="for observations of very different sizes"),
        Setting(name="scales_rewards", effect="for rewards far from size 1"),
    ),
    verb="train",
    steps=300,
    step_is="an update from `n_envs` times `n_steps` decisions",
    along=("n_updates",),
    python_only=("memory",),
    page="methods/ppo.md",
)
