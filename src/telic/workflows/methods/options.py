"""Options."""

from .description import Actions, Group, Method, Needs

METHOD = Method(
    name="options",
    title="Options: when to use which of several policies",
    group=Group.TABULAR,
    needs=(
        Needs.TABLE,
        Needs.REWARD,
        Needs.POLICY,
    ),
    actions=(Actions.CHOICE,),
    when="There are policies for parts of a task, and what is wanted is when to use which.",
    when_not="There are no such parts, or states cannot be counted.",
    cost="A linear solve for each option, then planning among them.",
    home="telic.planning.options:solve_options",
    page="methods/options.md",
)
