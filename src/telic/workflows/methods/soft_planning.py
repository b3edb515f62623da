"""Soft planning in a table."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="soft_planning",
    title="Soft planning in a table",
    group=Group.TABULAR,
    needs=(
        Needs.TABLE,
        Needs.REWARD,
    ),
    actions=(Actions.CHOICE,),
    when="What people are predicted to do under a reward is wanted, not what is best.",
    when_not="The best policy is wanted (`planning`).",
    cost="That of `planning`.",
    home="telic.planning:solve_soft",
    settings=(Setting(name="rationality", range="(0, inf)", effect="nearer to the best, less by chance"),),
    page="planning.md",
)
