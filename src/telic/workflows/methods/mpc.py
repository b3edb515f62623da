"""Planning while acting."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="mpc",
    title="Planning while acting (MPC)",
    group=Group.REINFORCEMENT,
    needs=(Needs.REWARD,),
    worlds=(Needs.SIMULATOR,),
    actions=(Actions.AMOUNTS,),
    when="There is a world to plan in, compiled or learned, a decision may take milliseconds, and goals may change.",
    when_not="A decision must be quick, or actions are choices: train a policy (`ppo`, `sac`).",
    cost="Nothing before acting; `n_samples` times `horizon` times `n_rounds` steps of the world at each decision.",
    home="telic.planning.rl.mpc:Mpc",
    settings=(
        Setting(name="horizon", range="[1, inf)", effect="looks further ahead; slower"),
        Setting(name="n_samples", range="[1, inf)", effect="better plans; slower"),
        Setting(name="n_rounds", range="[1, inf)", effect="sharper plans; slower"),
        Setting(name="n_chances", range="[1, inf)", effect="minds chance in the world; slower"),
    ),
    page="methods/mpc.md",
)
