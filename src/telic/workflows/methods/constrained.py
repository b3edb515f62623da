"""The best policy within budgets, exactly."""

from .description import Actions, Group, Method, Needs

METHOD = Method(
    name="constrained",
    title="The best policy within budgets, exactly",
    group=Group.CONSTRAINED,
    needs=(
        Needs.TABLE,
        Needs.REWARD,
        Needs.COSTS,
    ),
    actions=(Actions.CHOICE,),
    when="States can be counted, and expected costs must stay within budgets: exact, with a price for each budget.",
    when_not="There are too many states for a table (`lagrangian_ppo`).",
    cost="One linear program.",
    home="telic.planning.constrained:solve_constrained",
    page="planning.md",
)
