"""Planning in a table."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="planning",
    title="Planning in a table, exactly",
    group=Group.TABULAR,
    needs=(
        Needs.TABLE,
        Needs.REWARD,
    ),
    actions=(Actions.CHOICE,),
    when="States can be counted and the reward is known or inferred: the optimum to working precision.",
    when_not="There are too many states for a table (`ppo`, `sac`, `dqn`).",
    cost="Sparse linear solves.",
    home="telic.planning:solve_hard",
    settings=(Setting(name="tolerance", range="(0, 1)", effect="stops earlier, with a larger stated error"),),
    page="planning.md",
)
