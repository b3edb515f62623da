"""Soft actor-critic within budgets."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="lagrangian_sac",
    title="Soft actor-critic within budgets (Lagrangian)",
    group=Group.CONSTRAINED,
    needs=(
        Needs.REWARD,
        Needs.COSTS,
    ),
    worlds=(Needs.SIMULATOR,),
    actions=(Actions.AMOUNTS,),
    when="Actions are amounts, costs must stay within budgets on average, and each decision is dear.",
    when_not="Decisions are cheap (`lagrangian_ppo` is steadier), or a limit must never be broken once.",
    cost="That of `sac`, with a critic more for each cost.",
    home="telic.planning.rl.lagrangian_sac:LagrangianSac",
    settings=(Setting(name="budget_discount", range="[0, 1]", effect="later costs count more"),),
    page="methods/constrained-rl.md",
)
