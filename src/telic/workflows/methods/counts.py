"""Cloning by counts of a table."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="counts",
    title="Cloning by counts",
    group=Group.IMITATION,
    needs=(Needs.DECISIONS,),
    actions=(Actions.CHOICE,),
    when="States are few and named (categories, yes or no, small whole numbers, or bins that mean something).",
    when_not="Most states are seen once or never: it says nothing of their neighbours.",
    cost="One pass over the decisions; no training.",
    home="telic.imitation.behavioural_cloning:behavioural_cloning",
    settings=(
        Setting(name="smoothing", range="[0, inf)", effect="more pulls every state towards even shares"),
    ),
    verb="imitate",
    python_only=("order", "available"),
    page="planning.md",
)
