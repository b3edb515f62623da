"""Proximal policy optimisation within budgets."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="lagrangian_ppo",
    title="PPO within budgets (Lagrangian)",
    group=Group.CONSTRAINED,
    needs=(
        Needs.REWARD,
        Needs.COSTS,
    ),
    worlds=(Needs.SIMULATOR,),
    actions=(
        Actions.CHOICE,
        Actions.CHOICES,
        Actions.AMOUNTS,
    ),
    when="Costs must stay within budgets on average, and trying is cheap; fresh episodes say how surely they do.",
    when_not="States can be counted (`constrained` is exact), or a limit must never be broken once.",
    cost="That of `ppo`, with a critic more for each cost.",
    home="telic.planning.rl.lagrangian_ppo:LagrangianPpo",
    settings=(Setting(name="budget_discount", range="[0, 1]", effect="later costs count more"),),
    page="methods/constrained-rl.md",
)
