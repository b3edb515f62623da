"""LinUCB."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="lin_ucb",
    title="Linear upper confidence bounds",
    group=Group.BANDITS,
    needs=(Needs.OUTCOMES,),
    actions=(Actions.CHOICE,),
    when="What is best depends on a context that is seen before each choice.",
    when_not="There is no context, or rewards are far from linear in it.",
    cost="Some arithmetic a choice; each choice is logged with its probability.",
    home="telic.planning.bandits:LinUcb",
    settings=(
        Setting(name="alpha", range="[0, inf)", effect="tries longer"),
        Setting(name="ridge", range="(0, inf)", effect="trusts the first rewards less"),
        Setting(
            name="epsilon",
            range="[0, 1]",
            effect="gives every alternative a probability, for later evaluation",
        ),
    ),
    page="bandits.md",
)
